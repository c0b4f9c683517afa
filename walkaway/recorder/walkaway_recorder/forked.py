"""Follow walkaway_forks from its parent: which forked worker runs what, and which came or went.

Knows the hooks of walkaway_forks and tolerates their absence; must not know results.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from walkaway_recorder import environment, event_kinds, process, usual_durations
from walkaway_recorder.guard import Foreign, Guard
from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.events import Events
    from walkaway_recorder.ledger import Ledger
    from walkaway_recorder.xdist import Workers

keep_builtins(globals())

_PLUGIN = "walkaway_forks"


def offer_plugin() -> None:
    """Let `-p walkaway_forks` find the plugin: it lies beside the recorder's folder."""
    folder = os.path.join(os.path.dirname(environment.FOLDER), "forks")
    if _PLUGIN in sys.argv and folder not in sys.path:
        sys.path.append(folder)


class Forked:
    """Follows forked workers; does nothing in any other run."""

    def __init__(self, events: Events, ledger: Ledger, workers: Workers, folder: str) -> None:
        self._events = events
        self._guard = Guard(events.note)
        self._ledger = ledger
        self._workers = workers
        self._folder = folder
        self._stacks = os.path.join(folder, "stacks")

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_forks_durations(self, items: list[pytest.Item]) -> dict[str, float] | None:
        with self._guard:
            return usual_durations.read(self._folder, [item.nodeid for item in items])
        return None

    @pytest.hookimpl(optionalhook=True)
    def pytest_forks_worker_started(self, worker: str, pid: int) -> None:
        with self._guard:
            self._workers.on = self._workers.forked = True
            self._events.put(event_kinds.WORKER_UP, w=worker, pid=pid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_forks_worker_begins(self, worker: str) -> None:
        """Runs in the worker: its stacks can be asked for like any other process's."""
        self._workers.forked = True  # this process records nothing
        with self._guard:
            process.dump_stacks_on_request(self._stacks, worker)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_forks_test_started(self, item: Foreign, worker: str) -> None:
        with self._guard:
            self._ledger.begin(item.nodeid, worker)

    @pytest.hookimpl(optionalhook=True)
    def pytest_forks_worker_ended(self, worker: str, crashed: str) -> None:
        with self._guard:
            self._events.put(event_kinds.WORKER_DOWN, w=worker, m=crashed or None)
