"""A guest at work, kept: RAM as QEMU's backing file, devices as a migration stream that leaves RAM out."""

import shutil

from . import run


def keep(machine, directory, initramfs):
    """Keeps a stopped machine. The initramfs comes last: where it is, a snapshot is whole."""
    directory.mkdir(parents=True, exist_ok=True)
    machine.qmp.capabilities(x_ignore_shared=True)
    devices = directory / "devices"
    machine.command("migrate", uri=f"exec:cat > {devices}")
    machine.qmp.migration(("completed",))
    copy(machine.ram, directory / "ram")
    if initramfs != directory / "initramfs":
        shutil.copyfile(initramfs, directory / "initramfs")


def copy(ram, to):
    """Without holes: to read one, the kernel would have to find a page first, in the midst of a migration."""
    run("cp", "--sparse=never", ram, to)


def wake(machine, directory):
    """Loads what was kept into a machine made to restore it; its guest stands still until `cont`."""
    machine.qmp.capabilities(x_ignore_shared=True)
    machine.command("migrate-incoming", uri=f"exec:cat {directory / 'devices'}")
    machine.qmp.migration(("completed",))
    machine.qmp.capabilities(x_ignore_shared=False)
