"""The guest's kernel and initramfs, from Debian packages that are unpacked into a cache and never installed."""

import glob
import gzip
import os
import pathlib
import re
import shutil
import subprocess

from . import HERE, Failure, run, say

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "migsim-guest"


def concrete(package):
    """The kernel's packages carry its version in their names; only a meta-package's dependencies tell it."""
    if package not in ("linux-image", "linux-headers"):
        return package
    image = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", "depends", "linux-image-cloud-amd64"))
    if image is None:
        raise Failure("apt knows no linux-image-cloud-amd64: run apt-get update")
    if package == "linux-image":
        return image.group(1)
    headers = re.match(r"linux-image-([0-9.]+-[0-9]+)", image.group(1)).group(1)
    return f"linux-headers-{headers}-common"


def with_libraries(packages):
    """The packages, and the library packages that they depend on, however indirectly."""
    if not packages:
        return []
    tree = run("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks",
               "--no-replaces", "--no-enhances", *packages)
    found = {line for line in tree.splitlines() if re.fullmatch(r"z?lib[a-z0-9.+-]*", line)}
    unused = re.compile(r"perl|[atl]san|ubsan|pam|elogind|-dev$")
    return sorted({*packages, *(name for name in found if not unused.search(name))})


def unpack(name, packages):
    """One tree in the cache with the contents of a kernel, busybox and packages."""
    root, debs = CACHE / "root" / name, CACHE / "debs"
    if root.exists():
        return root
    debs.mkdir(parents=True, exist_ok=True)
    packages = [*map(concrete, ("linux-image", "busybox-static")), *with_libraries([*map(concrete, packages)])]
    missing = [package for package in packages if not list(debs.glob(f"{package}_*.deb"))]
    if missing:
        say(f"downloading {' '.join(missing)}")
        run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *missing, cwd=debs)
    partial = root.with_name(root.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for directory in ("bin", "sbin", "lib", "lib64"):
        (partial / "usr" / directory).mkdir(parents=True)
        (partial / directory).symlink_to(f"usr/{directory}")
    for package in packages:
        deb = max(debs.glob(f"{package}_*.deb"))
        # dpkg-deb -x would replace the links just made by directories.
        tarball = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", partial], check=True, input=tarball)
    partial.rename(root)
    return root


def libraries(root, program):
    """What the unpacked tree's dynamic linker would load for a program in it, as guest_files."""
    directory = root / "usr/lib/x86_64-linux-gnu"
    linker = directory / "ld-linux-x86-64.so.2"
    if not program.is_file() or program.read_bytes()[:4] != b"\x7fELF":
        return {}
    listing = run(linker, "--inhibit-cache", "--library-path", directory, "--list", program)
    found = {f"usr/lib/x86_64-linux-gnu/{name}": directory / name for name in re.findall(r"(\S+) => ", listing)}
    return {"usr/lib64/ld-linux-x86-64.so.2": linker} | {name: file.resolve() for name, file in found.items()}


def guest_files(root, workload):
    """Path in the guest -> file on the host."""
    files = {"init": HERE / "guest/init", "usr/bin/busybox": root / "usr/bin/busybox", "usr/bin/work": build("work")}
    for path in (HERE / "guest/workload").iterdir():
        files[f"workload/{path.name}"] = path
    for pattern in workload.files:
        found = glob.glob(pattern, root_dir=root, recursive=True)
        if not found:
            raise Failure(f"no {pattern} in the packages {' '.join(workload.packages)}")
        for path in found:
            files |= {path: root / path, **libraries(root, root / path)}
    return files


def write_initramfs(root, workload, out):
    """A cpio archive in the kernel's "newc" format; written here, as links and modes must not depend on the host."""
    inode = 0

    def entry(name, mode, data=b""):
        nonlocal inode
        inode += 1
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        archive.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    with gzip.GzipFile(out, "wb", compresslevel=1, mtime=0) as archive:
        files = guest_files(root, workload)
        directories = {str(parent) for name in files for parent in pathlib.PurePath(name).parents if str(parent) != "."}
        for name in sorted(directories | {"dev", "proc", "sys", "tmp", "usr/sbin", "usr/lib64"}):
            entry(name, 0o040755)
        for name in ("bin", "sbin", "lib", "lib64"):
            entry(name, 0o120777, f"usr/{name}".encode())
        for applet in run(root / "usr/bin/busybox", "--list").split():
            if f"usr/bin/{applet}" not in files and applet not in ("busybox", "init"):
                entry(f"usr/bin/{applet}", 0o120777, b"busybox")
        for name, file in sorted(files.items()):
            if file.is_symlink():
                entry(name, 0o120777, os.readlink(file).encode())
            elif file.is_file():
                entry(name, 0o100755, file.read_bytes())
        entry("TRAILER!!!", 0)


def build(what):
    """Our own programs: the plugins for QEMU, and the guest's synthetic workloads."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if what == "work":
        target = CACHE / "work"
        run("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", target, HERE / "guest/work.c", "-lm")
    else:
        target = CACHE / f"{what}.so"
        run("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden",
            "-o", target, HERE / what / f"{what}.c", "-ldl", "-lpthread")
    return target
