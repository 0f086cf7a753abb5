"""One real migration, measured: post-copy by QEMU between two network namespaces, at once or after a first pass."""

import os
import select
import time
from dataclasses import dataclass

from . import PAGE, Disturbed, Failure, course, files, run, snapshot
from .machine import Machine
from .network import DESTINATION_ADDRESS

URI = f"tcp:{DESTINATION_ADDRESS}:4444"
RING_MS = 500  # of a source without a plan, whose recorder shall cost the same
MOST_DOWNTIME = 0.08  # seconds; a sleep of QEMU's rate limit takes 0.1
SLOW = 10_000  # bytes per second: next to nothing. Below 10, QEMU takes it for unlimited
VCPU_CPU, OTHER_CPU = 1, 0
# What migsim plans by: arguments of `migsim plan`, for the strategies whose name is none of its own.
PLANNED_BY = {"hybrid+pre-record": ("--strategy", "pre-record", "--set", "pre-record.order=recency")}


@dataclass(frozen=True)
class Setting:
    """How a guest is migrated: the columns of a reference that have these names."""

    preempt: bool
    strategy: str
    record_window_ms: int
    fetch_outstanding: int
    delivery: str

    @property
    def is_hybrid(self):
        """Memory is sent while the guest runs on, and QEMU switches over after the first pass, as libvirt has it."""
        return self.strategy.startswith("hybrid")

    @property
    def is_planned(self):
        return self.fetch_outstanding > 0

    @property
    def is_held_back(self):
        """The source pushes nothing until the destination has asked for all of the plan."""
        return self.delivery == "fetch-then-push"


def foreign_cpu(machines):
    """A clock of the CPU time, in seconds, that others than these machines and this program have used, or a hypervisor taken."""
    tick = os.sysconf("SC_CLK_TCK")
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    own = sum(os.times()[:4]) * tick  # with what it ran, such as a planner
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


def write_plan(source, setting, plan):
    """What the source has recorded last, as the order in which the destination is to fetch pages. Returns how long it took."""
    begun = time.monotonic()
    source.tell_recorder("d")
    source.wait(source.out.exists, "the ring", 5, pause=0.001)  # the plan gets older meanwhile
    run("taskset", "-c", str(OTHER_CPU), files.find_migsim(), "plan", source.out, "--from", "qemu",
        *PLANNED_BY.get(setting.strategy, ("--strategy", setting.strategy)),
        "--record-window", f"{setting.record_window_ms} ms", "--format", "binary", "--out", plan)
    return time.monotonic() - begun


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
                # If it failed, says why. The state "device" is QEMU 10's switch-over.
                source.qmp.migration(("setup", "active", "device", "postcopy-active", "completed"))
        finally:
            os.close(self.asked)
        source.command("migrate-set-parameters", **{"max-postcopy-bandwidth": 0})


@dataclass
class SwitchOver:
    """What is known of it when QEMU has been told to do it."""

    commanded: float  # seconds since 1970
    planning: float = 0  # seconds
    first_pass: float = 0  # seconds
    dirty_pages: int = 0  # unsent then, as QEMU knows it


def standing_start(source, setting, plan):
    """Post-copy right away. A plan is made before, while the guest runs on."""
    planning = write_plan(source, setting, plan) if setting.is_planned else 0
    commanded = time.time()
    source.qmp.commands(("migrate", {"uri": URI}), ("migrate-start-postcopy", {}))
    return SwitchOver(commanded, planning)


def after_first_pass(source, setting, plan):
    """Post-copy as libvirt's --postcopy-after-precopy: when the dirty bits have been read a second time.

    A plan is made while QEMU switches over, which it does at the end of an iteration of 50 ms. So the plan knows of all accesses up
    to the command, and the fetcher waits for it.
    """
    begun = time.monotonic()
    source.command("migrate", uri=URI)
    while (ram := source.qmp.migration(("setup", "active")).get("ram", {})).get("dirty-sync-count", 0) < 2:
        time.sleep(0.002)
    first_pass, commanded = time.monotonic() - begun, time.time()
    source.command("migrate-start-postcopy")
    planning = write_plan(source, setting, plan) if setting.is_planned else 0
    return SwitchOver(commanded, planning, first_pass, ram["remaining"] // PAGE)


def downtime(source, destination, setting, switch_over):
    """From the guest's suspension to its resume, as QEMU's own number ends when the source has written its state."""
    # The source's event STOP is lost now and then. From a standing start little happens between command and suspension.
    try:
        stopped = source.qmp.event("STOP") if setting.is_hybrid else switch_over.commanded
        return destination.qmp.event("RESUME") - stopped
    except Failure as lost:
        source.qmp.migration(("completed",))  # if it failed, says why
        raise Disturbed(str(lost)) from lost


def parameters(setting):
    """Of the source. The token bucket is to be the only limit, but from a standing start next to nothing is to be copied before."""
    held_back = SLOW if setting.is_held_back else 0
    if setting.is_hybrid:
        # In ms: else a pass ends, and QEMU completes by pre-copy, as soon as the rest fits it.
        return {"max-bandwidth": 0, "max-postcopy-bandwidth": held_back, "downtime-limit": 1}
    return {"max-bandwidth": SLOW, "max-postcopy-bandwidth": held_back}


def migrate(name, workload, scratch, kept, network, setting):
    """Wakes the guest, lets it run, migrates it, and returns what QEMU and the clocks say."""
    capabilities = {"postcopy_ram": True, "postcopy_preempt": setting.preempt}
    plan, asked = scratch / "plan", scratch / "asked"
    with (
        waiting(name, workload, scratch / "source", kept, namespace=network.source, ring_ms=setting.record_window_ms or RING_MS,
                counting=True) as source,
        waiting(name, workload, scratch / "destination", kept, ram=False, namespace=network.destination,
                plan=plan if setting.is_planned else None, outstanding=setting.fetch_outstanding,
                asked=asked if setting.is_held_back else None) as destination,
    ):
        held = Held(asked) if setting.is_held_back else None
        snapshot.wake(source, kept)
        source.command("cont")
        woken = time.monotonic()
        source.qmp.capabilities(**capabilities)
        destination.qmp.capabilities(**capabilities, postcopy_blocktime=True)
        source.command("migrate-set-parameters", **parameters(setting))
        destination.command("migrate-incoming", uri=URI)
        course.run_to_position(source, kept, woken)
        source.qmp.events.clear()  # what the waking has said
        foreign, begun = foreign_cpu((source, destination)), time.monotonic()
        switch_over = (after_first_pass if setting.is_hybrid else standing_start)(source, setting, plan)
        if held:
            held.release(source, destination)
        suspended = downtime(source, destination, setting, switch_over)
        if not setting.is_hybrid and suspended > MOST_DOWNTIME:
            raise Disturbed(f"QEMU took {suspended:.3f} s to switch over: it went to sleep in its rate limit before")
        sent = source.qmp.migration(("completed",))
        received = destination.qmp.migration(("completed",))
        foreign = (foreign_cpu((source, destination)) - foreign) / (time.monotonic() - begun)
        ram = sent["ram"]
        return {
            "total_time_ms": sent["total-time"],
            "downtime_ms": round(suspended * 1000, 1),
            "postcopy_requests": ram["postcopy-requests"],
            "vcpu_blocktime_ms": sum(received["postcopy-vcpu-blocktime"]),
            "normal_pages": ram["normal"],
            "zero_pages": ram["duplicate"],
            "bytes_transferred": ram["transferred"],
            "planning_ms": round(switch_over.planning * 1000, 1),
            "first_pass_ms": round(switch_over.first_pass * 1000, 1),
            "dirty_pages": switch_over.dirty_pages,
            "foreign_cpu_percent": round(foreign * 100, 1),
        }
