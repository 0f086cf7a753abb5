"""Where in its course a guest is: measured in instructions of its programs, as its speed drifts with the machine."""

import time

from . import Failure, snapshot

WARM_UP = 4.0  # seconds from the guest's waking to the switch position, when it was fixed: QEMU translates its code again at first
UNWATCHED = 0.5 * WARM_UP  # before that, nobody looks at the count


def executed(machine):
    """Instructions of the guest's programs since it woke in this machine."""
    return int.from_bytes(machine.instructions.read_bytes(), "little")


def fix_position(machine, kept):
    """Runs a waiting guest, and keeps with its snapshot where it is after the warm-up: its switch position from now on."""
    snapshot.wake(machine, kept)
    machine.command("cont")
    time.sleep(WARM_UP)
    machine.command("stop")
    time.sleep(0.01)  # the count is up to date to 1 ms
    position = executed(machine)
    if position == 0:
        machine.fail("the recorder counted no instructions")
    partial = kept / "position.new"
    partial.write_text(f"{position}\n")
    partial.rename(kept / "position")


def run_to_position(machine, kept, woken):
    """Until a guest that was woken at that time is at its switch position."""
    path = kept / "position"
    try:
        position = int(path.read_text())
    except ValueError as error:
        raise Failure(f"{path}: expected a number of instructions") from error
    time.sleep(max(0, woken + UNWATCHED - time.monotonic()))
    if executed(machine) >= position:
        machine.fail(f"the guest was past its switch position within {UNWATCHED} s; without {path}, it is fixed anew")
    machine.wait(lambda: executed(machine) >= position, "the switch position", 10 * WARM_UP, pause=0.001)
