"""QEMU's control socket."""

import json
import socket
import time

from . import Failure


class Qmp:
    """Commands and events; an event that comes while a command waits for its answer is kept."""

    def __init__(self, path):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(path))
        self.connection, self.lines, self.events = connection, connection.makefile("rw"), []
        self.read()
        self.command("qmp_capabilities")

    def read(self):
        line = self.lines.readline()
        if not line:
            raise Failure("QEMU closed its control socket")
        return json.loads(line)

    def command(self, execute, **arguments):
        return self.commands((execute, arguments))

    def commands(self, *commands):
        """Sends all at once, so that QEMU takes up each right behind the one before; returns the last one's answer."""
        for execute, arguments in commands:
            self.lines.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.lines.flush()
        for execute, _ in commands:
            answer = self.answer(execute)
        return answer

    def answer(self, execute):
        while True:
            reply = self.read()
            if "error" in reply:
                raise Failure(f"QEMU refused {execute}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]
            self.events.append(reply)

    def event(self, name, timeout=5):
        """When an event came, in seconds since 1970; it may come later than the answers to commands that caused it."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for event in self.events:
                if event.get("event") == name:
                    return event["timestamp"]["seconds"] + event["timestamp"]["microseconds"] / 1e6
            self.command("query-status")
            time.sleep(0.01)
        raise Failure(f"QEMU sent no event {name}")

    def migration(self, wanted, timeout=120):
        """Waits for a migration to reach a state, and returns what query-migrate then says."""
        end = time.monotonic() + timeout
        while True:
            answer = self.command("query-migrate")
            status = answer.get("status", "none")
            if status in wanted:
                return answer
            if status in ("failed", "cancelled") or time.monotonic() > end:
                raise Failure(f"migration is {status}, expected {' or '.join(wanted)}: {answer.get('error-desc', '')}")
            time.sleep(0.02)

    def capabilities(self, **states):
        self.command("migrate-set-capabilities", capabilities=[
            {"capability": name.replace("_", "-"), "state": state} for name, state in states.items()])
