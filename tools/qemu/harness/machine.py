"""QEMU with the guest, from boot to exit."""

import contextlib
import re
import shutil
import subprocess
import time

from . import Failure, files, image, run
from .qmp import Qmp

GIB = 1 << 30
SETTLE = 4  # seconds from instrumentation to recording: QEMU translates everything again at first


def hole(memory):
    """The recorder's argument for a machine `pc` of so many MiB, whose RAM beyond 3 GiB lies behind its PCI hole: for versions of
    QEMU that give plugins guest-physical addresses (recorder/README.md)."""
    version = run("qemu-system-x86_64", "--version").split("version ")[1]
    if int(version.split(".")[0]) < 8 or memory < 3584:
        return ""
    return f",hole={3 * GIB:#x}+{GIB:#x}"


class Machine:
    """A running guest; leaving its context ends it, however that comes about."""

    def __init__(self, name, workload, scratch, recorder, restore=None, namespace=None, ring_ms=0, plan=None,
                 outstanding=0, asked=None, counting=False):
        """`restore` is a directory with a snapshot: the machine waits for its state. `plan` is a file for the fetcher, which
        asks for so many pages at once and says in the file `asked` that it has asked for all. With `counting`, the recorder says
        in the file `instructions` how many the guest's programs have executed."""
        self.scratch = scratch
        self.ram, self.control, self.out = scratch / "ram", scratch / "control", scratch / "out"
        self.instructions = scratch / "instructions"
        self.changed = None  # pages, when verifying
        self.recorded_rate = None
        root = image.unpack(name, workload.packages)
        kernel = next(root.glob("boot/vmlinuz-*"))
        self.kernel = kernel.name.removeprefix("vmlinuz-")
        if restore is None:
            image.write_initramfs(root, workload, scratch / "initramfs")
        size = f"{workload.memory}M"
        command = [
            *(("ip", "netns", "exec", namespace) if namespace else ()),
            *(("nice", "-n", "-20") if restore is not None else ()),
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-nodefaults", "-no-reboot", "-display", "none",
            "-object", f"memory-backend-file,id=ram,size={size},mem-path={self.ram},share=on",
            "-machine", "pc,memory-backend=ram", "-m", size, "-smp", str(workload.vcpus), "-cpu", "max",
            "-kernel", str(kernel), "-initrd", str((restore or scratch) / "initramfs"),
            "-append", f"console=ttyS0 quiet panic=-1 workload={name}",
            "-serial", f"file:{scratch / 'console'}", "-qmp", f"unix:{scratch / 'qmp'},server=on,wait=off",
        ]
        if restore is not None:
            command += ["-incoming", "defer"]
        if recorder:
            command += ["-plugin", f"{image.build('recorder')},out={self.out},ram={self.ram},control={self.control},"
                        f"epoch_us={workload.epoch_us},seconds={workload.seconds + 60}"  # stopping QEMU ends it before
                        f"{',instrument=now' if restore is not None else ''}{f',ring_ms={ring_ms}' if ring_ms else ''}"
                        f"{f',instructions={self.instructions}' if counting else ''}{hole(workload.memory)}"]
        if plan is not None:
            command += ["-plugin", f"{image.build('fetcher')},plan={plan},ram={self.ram},threads={outstanding}"
                        f"{f',asked={asked}' if asked else ''}"]
        with open(scratch / "errors", "wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        self.qmp_connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def console(self):
        with contextlib.suppress(FileNotFoundError):
            return (self.scratch / "console").read_text(errors="replace").replace("\r", "")
        return ""

    def fail(self, why):
        errors = (self.scratch / "errors").read_text(errors="replace").strip()
        tail = "\n".join(self.console().splitlines()[-20:])
        raise Failure(f"{why}\nQEMU says: {errors or '(nothing)'}\nthe guest's console ends:\n{tail}")

    def wait(self, condition, what, timeout, pause=0.05):
        end = time.monotonic() + timeout
        while not condition():
            if self.process.poll() is not None:
                self.fail(f"QEMU ended before {what}")
            if re.search(r"^FAILED|Kernel panic|Out of memory", self.console(), re.MULTILINE):
                self.fail(f"the guest failed before {what}")
            if time.monotonic() > end:
                self.fail(f"no sign of {what} after {timeout} s")
            time.sleep(pause)

    def wait_ready(self):
        self.wait(lambda: re.search(r"^READY$", self.console(), re.MULTILINE), "the workload's READY", 600)

    def wait_recording(self):
        self.wait(lambda: self.out.exists() and self.out.stat().st_size >= 40, "the recording's start", 30)
        time.sleep(0.05)

    @property
    def qmp(self):
        if self.qmp_connection is None:
            self.wait((self.scratch / "qmp").exists, "its control socket", 30)
            self.qmp_connection = Qmp(self.scratch / "qmp")
        return self.qmp_connection

    def command(self, execute, **arguments):
        try:
            return self.qmp.command(execute, **arguments)
        except Failure as failure:
            return self.fail(str(failure))

    def tell_recorder(self, letter):
        partial = self.control.with_suffix(".new")
        partial.write_text(letter)
        partial.rename(self.control)

    def record(self, workload, lock, verify):
        """Leaves the recording in self.out; returns the zero-page runs of the moment when it began."""
        before = self.scratch / "before"
        self.tell_recorder("i")
        time.sleep(SETTLE)
        with files.held(lock):
            self.command("stop")
            zero = files.zero_runs(self.ram)
            if verify:
                shutil.copyfile(self.ram, before)
            self.tell_recorder("r")
            self.wait_recording()
            self.command("cont")
            self.recorded_rate = self.seen_rate(workload.seconds)
            self.command("stop")
        if verify:
            self.changed = files.changed_pages(before, self.ram)
        self.command("quit")
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.fail("QEMU does not end")
        return zero

    def progress(self):
        counts = re.findall(r"^PROGRESS (\d+)\n", self.console(), re.MULTILINE)
        return int(counts[-1]) if counts else 0

    def seen_rate(self, seconds):
        """Progress per second, between the first and the last change of the count that are seen; None if they are too few."""
        seen, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            count = self.progress()
            if not seen or count != seen[-1][1]:
                seen.append((time.monotonic(), count))
            time.sleep(0.01)
        if len(seen) < 3:
            return None
        (first, low), (last, high) = seen[1], seen[-1]
        return (high - low) / (last - first)

    def rate(self, seconds):
        rate = self.seen_rate(seconds)
        if rate is None:
            self.fail(f"too little progress in {seconds} s to tell a rate")
        return rate
