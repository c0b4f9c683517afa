"""Carry over the reruns that pytest-rerunfailures has used up in earlier passes.

The plugin counts a test's crashes in the controller's memory. If a pass began at 0 again, a test
would get more attempts than bare pytest gives it. Knows that plugin's names (15 to 16.7); must not
know results.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from walkaway_recorder import event_kinds
from walkaway_recorder.guard import Foreign, Guard
from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.events import Events
    from walkaway_recorder.node_ids import Ids

keep_builtins(globals())

_RERUN = b'{"e":"%b"' % event_kinds.ATTEMPT_RERUN.encode()


class CarriedOver:
    """Tells the plugin, in a later pass, what the earlier ones have used up."""

    def __init__(self, path: str, events: Events, ids: Ids) -> None:
        self._path = path
        self._guard = Guard(events.note)
        self._ids = ids

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        with self._guard:
            used_up = getattr(session.config, "failures_db", None)
            if used_up is not None:
                self._carry_over(used_up, rerun_attempts(self._path))

    def _carry_over(self, used_up: Foreign, attempts: list[tuple[int, str]]) -> None:
        ids = {number: nodeid for nodeid, number in self._ids.number.items()}
        for index, result in attempts:
            if result == "crashed" and index in ids:
                used_up.add_test_failure(ids[index])
            if hasattr(used_up, "increment_suite_reruns"):
                used_up.increment_suite_reruns()


def rerun_attempts(path: str) -> list[tuple[int, str]]:
    """Return (test number, result) of each attempt that was rerun, from an event file."""
    found = []
    with open(path, "rb") as file:
        for line in file:
            if line.startswith(_RERUN):
                try:
                    event = json.loads(line)
                    found.append((int(event["i"]), str(event.get("r", ""))))
                except (ValueError, KeyError):  # torn
                    continue
    return found
