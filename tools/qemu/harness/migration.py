"""One real migration, measured: post-copy by QEMU between two network namespaces."""

import os
import select
import time

from . import Disturbed, Failure, course, files, run, snapshot
from .machine import Machine
from .network import DESTINATION_ADDRESS

URI = f"tcp:{DESTINATION_ADDRESS}:4444"
MOST_DOWNTIME = 0.08  # seconds; a sleep of QEMU's rate limit takes 0.1
SLOW = 10_000  # bytes per second: next to nothing. Below 10, QEMU takes it for unlimited
VCPU_CPU, OTHER_CPU = 1, 0


def foreign_cpu(machines):
    """A clock of the CPU time, in seconds, that others than these machines have used, or a hypervisor taken."""
    tick = os.sysconf("SC_CLK_TCK")
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    own = 0
    for machine in machines:
        with open(f"/proc/{machine.process.pid}/stat", encoding="ascii") as file:
            own += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    return (user + nice + system + irq + softirq + steal - own) / tick


def waiting(name, workload, scratch, kept, ram=True, counting=False, **options):
    """A machine that waits for its state, recording from the guest's first step; its vCPUs have a processor of their own."""
    scratch.mkdir(parents=True)
    if ram:
        snapshot.copy(kept / "ram", scratch / "ram")
    machine = Machine(name, workload, scratch, recorder=True, restore=kept, counting=counting, **options)
    try:
        vcpus = machine.command("query-cpus-fast")
        run("taskset", "-acp", str(OTHER_CPU), str(machine.process.pid))
        for vcpu in vcpus:
            run("taskset", "-cp", str(VCPU_CPU), str(vcpu["thread-id"]))
        machine.tell_recorder("r")
        if counting:
            machine.wait(machine.instructions.exists, "the recording's start", 30)
        else:
            machine.wait_recording()
    except BaseException:
        machine.__exit__()
        raise
    return machine


def write_plan(source, strategy, window_ms, plan):
    """What the source has recorded last, as the order in which the destination is to fetch pages."""
    source.tell_recorder("d")
    source.wait(source.out.exists, "the ring", 5, pause=0.001)  # the plan gets older meanwhile
    run("taskset", "-c", str(OTHER_CPU), files.find_migsim(), "plan", source.out, "--from", "qemu", "--strategy", strategy,
        "--record-window", f"{window_ms} ms", "--format", "binary", "--out", plan)


class Held:
    """The source's push, held back until the destination has asked for all of its plan: QEMU's rate limit is not for requests."""

    def __init__(self, pipe):
        os.mkfifo(pipe)
        self.asked = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def release(self, source, destination):
        try:
            end = time.monotonic() + 60
            while not select.select([self.asked], [], [], 0.5)[0]:
                if destination.process.poll() is not None or time.monotonic() > end:
                    destination.fail("no word from the fetcher")
                source.qmp.migration(("setup", "active", "postcopy-active", "completed"))  # if it failed, says why
        finally:
            os.close(self.asked)
        source.command("migrate-set-parameters", **{"max-postcopy-bandwidth": 0})


def migrate(name, workload, scratch, kept, network, preempt, strategy, window_ms, outstanding, delivery):
    """Wakes the guest, lets it run, migrates it, and returns what QEMU and the clocks say."""
    capabilities = {"postcopy_ram": True, "postcopy_preempt": preempt}
    planned = strategy != "post-copy"
    plan, asked = scratch / "plan", scratch / "asked"
    held_back = delivery == "fetch-then-push"
    with (
        waiting(name, workload, scratch / "source", kept, namespace=network.source, ring_ms=window_ms, counting=True) as source,
        waiting(name, workload, scratch / "destination", kept, ram=False, namespace=network.destination,
                plan=plan if planned else None, outstanding=outstanding, asked=asked if held_back else None) as destination,
    ):
        held = Held(asked) if held_back else None
        snapshot.wake(source, kept)
        source.command("cont")
        woken = time.monotonic()
        source.qmp.capabilities(**capabilities)
        destination.qmp.capabilities(**capabilities, postcopy_blocktime=True)
        # Next to nothing is to be copied before the switch-over, and the token bucket is to be the only limit after it.
        source.command("migrate-set-parameters", **{"max-bandwidth": SLOW, "max-postcopy-bandwidth": SLOW if held else 0})
        destination.command("migrate-incoming", uri=URI)
        course.run_to_position(source, kept, woken)
        begun = time.monotonic()
        if planned:
            write_plan(source, strategy, window_ms, plan)
        planning = time.monotonic() - begun
        foreign, begun, commanded = foreign_cpu((source, destination)), time.monotonic(), time.time()
        source.qmp.commands(("migrate", {"uri": URI}), ("migrate-start-postcopy", {}))
        if held:
            held.release(source, destination)
        # The source's event STOP is lost now and then. Little happens between command and suspension.
        try:
            downtime = destination.qmp.event("RESUME") - commanded
        except Failure as lost:
            source.qmp.migration(("completed",))  # if it failed, says why
            raise Disturbed(str(lost)) from lost
        if downtime > MOST_DOWNTIME:
            raise Disturbed(f"QEMU took {downtime:.3f} s to switch over: it went to sleep in its rate limit before")
        sent = source.qmp.migration(("completed",))
        received = destination.qmp.migration(("completed",))
        foreign = (foreign_cpu((source, destination)) - foreign) / (time.monotonic() - begun)
        ram = sent["ram"]
        return {
            "total_time_ms": sent["total-time"],
            "downtime_ms": round(downtime * 1000, 1),
            "postcopy_requests": ram["postcopy-requests"],
            "vcpu_blocktime_ms": sum(received["postcopy-vcpu-blocktime"]),
            "normal_pages": ram["normal"],
            "zero_pages": ram["duplicate"],
            "bytes_transferred": ram["transferred"],
            "planning_ms": round(planning * 1000, 1),
            "foreign_cpu_percent": round(foreign * 100, 1),
        }
