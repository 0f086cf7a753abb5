"""A trace of a guest across a restart of its QEMU, as a migration is one: the new QEMU must translate all code again."""

import struct
import time

from . import course, files, run, snapshot
from .migration import waiting

BEFORE = 1.0  # seconds of the trace before the restart: room for a record window
FULL_BEHIND = 200_000_000  # nanoseconds behind it with all accesses, whole epochs: room for a plan that takes its time
FIRST_ONLY = "only the first read, write and fetch of a page by a vCPU"


def record(name, workload, scratch, kept, seconds, out):
    """Writes a trace in which the restart lies BEFORE seconds from the beginning, and so many behind it."""
    moved = scratch / "moved"
    with waiting(name, workload, scratch / "first", kept, counting=True) as first:
        snapshot.wake(first, kept)
        first.command("cont")
        course.run_to_position(first, kept, time.monotonic())
        first.command("stop")
        snapshot.keep(first, moved, kept / "initramfs")
        first.command("quit")
        first.process.wait(60)
    with waiting(name, workload, scratch / "second", moved) as second:
        snapshot.wake(second, moved)
        second.command("cont")
        time.sleep(seconds)
        second.command("stop")
        second.command("quit")
        second.process.wait(60)
    migq, zeros = scratch / "joined.migq", scratch / "zero.csv"
    join(first.out, second.out, workload.epoch_us * 1000, migq)
    files.write_runs(files.zero_runs(moved / "ram"), zeros)
    provenance = (f"{name}: as traces/migrate migrates it, the switch position at {BEFORE} s; "
                  f"compaction {workload.epoch_us} us, behind {BEFORE + FULL_BEHIND / 1e9} s {FIRST_ONLY}")
    run(files.find_migsim(), "trace", "import", "--from", "qemu", "--zero-pages", zeros, "--provenance", provenance, migq, out)


def join(first, second, epoch_ns, out):
    """The end of one recording, and behind it another."""
    before, shift = list(files.records_of(first)), round(BEFORE * 1e9)
    last = max(moment for moment, *_ in files.accesses_of(first))
    end = -(-last // epoch_ns) * epoch_ns
    with open(out, "wb") as file:
        file.write(second.read_bytes()[:40])
        # What vCPUs do while the guest is suspended is nothing of its own: behind its last access, and before the first block,
        # at time 0.
        for moment, *rest in before:
            if end - shift <= moment <= last:
                file.write(struct.pack("<QIHBx", moment - end + shift, *rest))
        # A page that has come stays: post-copy would be the same with a vCPU's later accesses to it. The last says how long the trace is.
        seen, last = set(), max(moment for moment, *_ in files.accesses_of(second))
        for moment, page, vcpu, op in files.records_of(second):
            if op in files.ACCESSES:
                if FULL_BEHIND <= moment < last:
                    if (page, vcpu, op) in seen:
                        continue
                    seen.add((page, vcpu, op))
            elif moment == 0:
                continue
            file.write(struct.pack("<QIHBx", moment + shift, page, vcpu, op))
