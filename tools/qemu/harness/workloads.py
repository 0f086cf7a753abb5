"""The workloads: what of Debian they need, how large their machine is, how long and how finely it is recorded."""

from dataclasses import dataclass


@dataclass
class Workload:
    """`files` are taken from `packages`, with the libraries that they need."""

    memory: int  # MiB
    seconds: int
    epoch_us: int
    vcpus: int = 1
    packages: tuple = ()
    files: tuple = ()


GCC = "usr/lib/gcc/x86_64-linux-gnu/12"
WORKLOADS = {
    "idle": Workload(256, 30, 1000),
    "sort": Workload(
        384, 20, 10000, 1,
        ("coreutils", "gzip"),
        ("usr/bin/sort", "usr/bin/split", "usr/bin/md5sum", "usr/bin/tee", "usr/bin/gzip"),
    ),
    "sqlite": Workload(512, 9, 5000, 1, ("sqlite3",), ("usr/bin/sqlite3",)),
    "redis": Workload(512, 5, 10000, 2, ("redis-server", "redis-tools"), ("usr/bin/redis-*",)),
    "shards": Workload(5120, 4, 20000, 4, ("redis-server", "redis-tools"), ("usr/bin/redis-*",)),
    "python": Workload(
        384, 6, 10000, 1,
        ("python3.11-minimal", "libpython3.11-stdlib"),
        ("usr/bin/python3.11", "usr/lib/python3.11/**"),
    ),
    "compile": Workload(
        384, 6, 10000, 2,
        ("gcc-12", "cpp-12", "libgcc-12-dev", "binutils-x86-64-linux-gnu", "libc6-dev", "linux-libc-dev", "libstb-dev"),
        ("usr/bin/x86_64-linux-gnu-gcc-12", "usr/bin/x86_64-linux-gnu-as", f"{GCC}/cc1", f"{GCC}/include/**",
         "usr/include/stb/**", "usr/include/*.h", "usr/include/x86_64-linux-gnu/**", "usr/include/linux/**",
         "usr/include/asm-generic/**"),
    ),
    "tar": Workload(
        384, 10, 5000, 1,
        ("linux-headers", "tar", "findutils", "grep"),
        ("usr/src/**", "usr/bin/tar", "usr/bin/find", "usr/bin/grep"),
    ),
    "matmul": Workload(256, 20, 10000),
    "seq": Workload(256, 10, 5000),
    "rand": Workload(256, 7, 5000),
    "zipf": Workload(256, 9, 5000),
    "verify": Workload(256, 9, 5000),
}
