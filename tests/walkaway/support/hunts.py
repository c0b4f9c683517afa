"""Real hunts in scratch projects, and tests that are flaky on purpose: by a counter or by order."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.walkaway.support.waiting import wait_for
from walkaway.hunting import stop
from walkaway.hunting.store import HuntRecord, Hunts
from walkaway.process import proc_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.walkaway.support.project import Project

POLLUTED = """\
state = []

def test_polluter():
    state.append(1)

def test_victim():
    assert not state

def test_innocent():
    pass
"""
"""Fails exactly when the polluter comes before the victim."""

COUNTED = """\
from pathlib import Path

def turn(name):
    path = Path(name)
    made = int(path.read_text()) if path.exists() else 0
    path.write_text(str(made + 1))
    return made

def test_every_third():
    assert turn("third") % 3 != 1

def test_every_other():
    assert turn("other") % 2 == 0

def test_never():
    assert False

def test_always():
    pass
"""
"""Attempts 2, 5, 8 of test_every_third fail, and every even one of test_every_other."""

GATED = """\
import os, time
from pathlib import Path

def test_gated():
    made = len(list(Path().glob("turn-*")))
    Path(f"turn-{made}").touch()
    until = time.monotonic() + 100
    while made and not os.path.exists("gate") and time.monotonic() < until:
        time.sleep(0.02)
    assert made != 2
"""
"""Attempt 1 passes at once; the second waits for the file `gate`; the third fails."""


@dataclass(frozen=True, slots=True)
class Hunted:
    """One hunt: its record and its driver's process."""

    record: HuntRecord

    def outcome(self, timeout_s: float = 90.0) -> dict[str, Any]:
        """Wait for the outcome, and for the driver to be gone after it."""
        path = self.record.path("outcome.json")
        wait_for(path.exists, f"outcome of {self.record.folder}\n{self.described()}", timeout_s)
        wait_for(lambda: not self.drivers(), "the driver to leave", timeout_s)
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def drivers(self) -> list[tuple[int, int]]:
        """PID and start of the hunt's drivers: one, while it lives."""
        mine = str(self.record.folder)
        return [
            (proc.pid, proc.start)
            for proc in proc_table.everyone().values()
            if proc.state not in "ZX" and _drives(proc.pid, mine)
        ]

    def kill_driver(self, number: int = signal.SIGKILL) -> None:
        """Kill the driver, and see it dead."""
        # For a moment there may be two: the one that does not get the lock leaves at once.
        alone = wait_for(lambda: found if len(found := self.drivers()) == 1 else [], "a driver")
        ((pid, start),) = alone
        assert proc_table.send(pid, start, number)
        wait_for(lambda: not proc_table.alive(pid, start), "the driver's death")

    def letters(self) -> dict[str, str]:
        """Return the letters of each test, by the last part of its id."""
        attempts, tests = self.record.attempts(), self.record.tests()
        rows = [attempt.letters.ljust(len(tests)) for attempt in attempts]
        return {
            test.rpartition("::")[2]: "".join(row[index] for row in rows)
            for index, test in enumerate(tests)
        }

    def described(self) -> str:
        """What helps to understand a hunt that is not as it should be."""
        parts = []
        for name in ("driver.log", "attempts.jsonl"):
            with contextlib.suppress(OSError):
                parts.append(self.record.path(name).read_text(errors="replace")[-3000:])
        return "\n".join(parts)


def _drives(pid: int, folder: str) -> bool:
    with contextlib.suppress(OSError):
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
        return any(word.endswith(b"hunting/__main__.py") for word in words) and (
            os.fsencode(folder) in words
        )
    return False


def newest(project: Project) -> Hunted:
    """Return the project's newest hunt, once it is there."""
    hunts = Hunts(project.records)
    return Hunted(hunts.record(wait_for(hunts.ids, "a hunt")[-1]))


@contextlib.contextmanager
def tidied_hunts(project: Project) -> Iterator[Project]:
    """End every hunt of a project afterwards; fail when a driver is left."""
    yield project
    hunts = Hunts(project.records)
    found = [Hunted(hunts.record(hunt_id)) for hunt_id in hunts.ids()]
    for hunted in found:
        if hunted.record.outcome() is None:
            stop.ask(hunted.record, "stop", "the test's end")
    left = []
    for hunted in found:
        with contextlib.suppress(AssertionError):
            wait_for(lambda h=hunted: not h.drivers(), timeout_s=30)  # type: ignore[misc]  # a default binds it
        for pid, start in hunted.drivers():
            left.append(f"{pid} {proc_table.command(pid)}")
            proc_table.send(pid, start, signal.SIGKILL)
    assert not left, f"left behind: {left}"
