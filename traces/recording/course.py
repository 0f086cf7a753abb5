"""Where in its course a guest is: told by the instructions of its programs, as its speed drifts with the machine."""

import time

from . import snapshot

WARM_UP = 4.0  # seconds from the guest's waking to the switch position, when it was fixed: QEMU translates its code again at first
NEARLY = 0.8  # of that, slept away before the count is looked at


def executed(machine):
    """Instructions of the guest's programs since it woke in this machine."""
    return int.from_bytes(machine.instructions.read_bytes(), "little")


def fix_position(machine, kept):
    """Runs a waiting guest, and keeps with its snapshot where it is after the warm-up: its switch position from now on."""
    snapshot.wake(machine, kept)
    machine.command("cont")
    time.sleep(WARM_UP)
    partial = kept / "position.new"
    partial.write_text(f"{executed(machine)}\n")
    partial.rename(kept / "position")


def run_to_position(machine, kept):
    """Until a guest that has just been woken is at its switch position."""
    position = int((kept / "position").read_text())
    time.sleep(NEARLY * WARM_UP)
    machine.wait(lambda: executed(machine) >= position, "the switch position", 10 * WARM_UP, pause=0.001)
