"""A trace of a guest across a restart of its QEMU, as a migration is one: the new QEMU must translate all code again."""

import struct
import time

from . import course, files, run, snapshot
from .migration import waiting

BEFORE = 1.0  # seconds of the trace before the migration command: room for a record window
FULL_BEHIND = 200_000_000  # nanoseconds behind it with all accesses, whole epochs: room for a plan that takes its time


def record(name, workload, scratch, kept, lead, seconds, out):
    """Writes a trace: the migration command lies BEFORE seconds from its beginning, and the restart `lead` seconds behind that,
    which is as long as a first pass takes. So many seconds follow."""
    moved = scratch / "moved"
    with waiting(name, workload, scratch / "first", kept, counting=True) as first:
        snapshot.wake(first, kept)
        first.command("cont")
        course.run_to_position(first, kept, time.monotonic())
        # Zero pages are those at the command. The guest runs on meanwhile: a page that it writes just then may count as written before.
        begun, zero = time.monotonic(), files.zero_runs(first.ram) if lead else None
        time.sleep(max(0, begun + lead - time.monotonic()))
        first.command("stop")
        zero = zero or files.zero_runs(first.ram)
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
    epoch_ns = workload.epoch_us * 1000
    restart = (round(BEFORE * 1e9) + round(lead * 1e9)) // epoch_ns * epoch_ns
    join(first.out, second.out, restart, epoch_ns, migq)
    files.write_runs(zero, zeros)
    provenance = (f"{name}: as tools/qemu/migrate migrates it, the command at {(restart - round(lead * 1e9)) / 1e9:.3f} s, "
                  f"the switch position at {restart / 1e9:.3f} s; "
                  f"compaction {workload.epoch_us} us, behind {(restart + FULL_BEHIND) / 1e9:.3f} s "
                  "only the first read, write and fetch of a page by a vCPU")
    run(files.find_migsim(), "trace", "import", "--from", "qemu", "--zero-pages", zeros, "--provenance", provenance, migq, out)


def join(first, second, shift, epoch_ns, out):
    """The last `shift` nanoseconds of one recording, and behind them another."""
    before = list(files.records_of(first))
    last = max(moment for moment, *_ in files.accesses_of(first))
    end = -(-last // epoch_ns) * epoch_ns
    with open(out, "wb") as file:
        file.write(second.read_bytes()[:40])
        # What vCPUs do while the guest is suspended is nothing of its own: behind its last access, and before the first block,
        # at time 0.
        for moment, *rest in before:
            if end - shift <= moment <= last:
                file.write(struct.pack("<QIHBx", moment - end + shift, *rest))
        for moment, *rest in without_repetitions(second):
            file.write(struct.pack("<QIHBx", moment + shift, *rest))


def without_repetitions(recording):
    """Its records, less a vCPU's later accesses to a page: one that has come stays, so that post-copy would be the same with them."""
    seen = set()
    end = max(moment for moment, *_ in files.accesses_of(recording))  # kept, as it says how long the trace is
    for moment, *what in files.records_of(recording):
        page, vcpu, op = what
        if op not in files.ACCESSES:
            if moment > 0:
                yield moment, *what
        elif not FULL_BEHIND <= moment < end or (page, vcpu, op) not in seen:
            if moment >= FULL_BEHIND:
                seen.add((page, vcpu, op))
            yield moment, *what
