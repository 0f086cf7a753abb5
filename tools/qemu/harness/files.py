"""What a recording leaves behind: the recorder's file, the zero-page map, and figures of both."""

import contextlib
import fcntl
import os
import shutil
import struct

from . import HERE, PAGE, Failure


ACCESSES = (0, 1, 2)  # read, write, fetch


def find_migsim():
    built = HERE.parent.parent / "target/release/migsim"
    return os.environ.get("MIGSIM") or (str(built) if built.exists() else shutil.which("migsim"))


@contextlib.contextmanager
def held(lock):
    if lock is None:
        yield
        return
    with open(lock, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pages_of(ram):
    with open(ram, "rb") as file:
        while page := file.read(PAGE):
            yield page


def zero_runs(ram):
    """Runs of all-zero pages. QEMU shares RAM as a file: the guest need only stand still, nothing is copied out."""
    zero, runs = bytes(PAGE), []
    for number, page in enumerate(pages_of(ram)):
        if page == zero:
            if runs and sum(runs[-1]) == number:
                runs[-1][1] += 1
            else:
                runs.append([number, 1])
    return runs


def write_runs(runs, out):
    out.write_text("first_page,page_count\n" + "".join(f"{first},{length}\n" for first, length in runs))


def changed_pages(before, after):
    pairs = zip(pages_of(before), pages_of(after))
    return {number for number, (old, new) in enumerate(pairs) if old != new}


def records_of(migq):
    """(time, page, vCPU, op) of each record, in the file's order."""
    data = migq.read_bytes()
    if data[:8] != b"MIGSIMQ1" or (len(data) - 40) % 16:
        raise Failure(f"{migq} is no whole recording")
    return struct.iter_unpack("<QIHBx", memoryview(data)[40:])


def accesses_of(migq):
    """The records without those of when vCPUs go idle and are woken."""
    return (record for record in records_of(migq) if record[3] in ACCESSES)


def summary(name, workload, migq, zero):
    """A row of README.md's table."""
    touched, written, count, last = set(), set(), 0, 0
    for moment, page, _, op in accesses_of(migq):
        touched.add(page)
        if op == 1:
            written.add(page)
        count += 1
        last = max(last, moment)
    if count == 0:
        raise Failure(f"{name}: nothing was recorded")
    zeros = sum(length for _, length in zero)
    machine = f"{workload.vcpus} | {workload.memory} MiB | {last / 1e9:.1f} s | {workload.epoch_us / 1000:g} ms"
    return f"| `{name}` | {machine} | {len(touched):,} | {len(written):,} | {zeros:,} | {count:,} |"


def write_csv(migq, out):
    """time_ns,vcpu,page,op sorted by time, then vCPU: for tools that do not know the recorder's format."""
    rows = sorted(accesses_of(migq), key=lambda row: (row[0], row[2]))
    with open(out, "w", encoding="ascii") as file:
        file.write("time_ns,vcpu,page,op\n")
        file.writelines(f"{moment},{vcpu},{page},{'rwx'[op]}\n" for moment, page, vcpu, op in rows)
