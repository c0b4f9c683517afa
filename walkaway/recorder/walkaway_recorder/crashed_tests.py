"""Keep xdist's scope modes (loadscope, loadfile, loadgroup) from rerunning a crashed test.

xdist puts the test that crashed its worker back into the queue with the rest of its scope. The next
worker then dies or hangs in it, if it takes more work before it is told to end. Knows the internals
of that scheduler (3.5 to 3.8); must not know results.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Generator

import pytest

from walkaway_recorder.guard import Foreign, Guard
from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.events import Events

keep_builtins(globals())


class Culprits:
    """Patches the scheduler of the chosen mode before other plugins wrap it."""

    def __init__(self, events: Events) -> None:
        self._guard = Guard(events.note)

    @pytest.hookimpl(optionalhook=True, hookwrapper=True, trylast=True)
    def pytest_xdist_make_scheduler(self) -> Generator[None, Any, None]:
        outcome = yield
        with self._guard:
            scheduler = None if outcome.excinfo else outcome.get_result()
            if isinstance(scheduler, import_module("xdist.scheduler").LoadScopeScheduling):
                run_no_culprit_again(scheduler, self._guard)


def run_no_culprit_again(scheduler: Foreign, guard: Guard) -> None:
    """Make `remove_node` remove the crashed test before other workers get the dead one's tests."""
    remove = scheduler.remove_node

    def remove_node(node: Foreign) -> Foreign:
        others: list[Foreign] = []
        scheduler._reschedule = others.append  # noqa: SLF001 - xdist has no hook for this
        try:
            culprit = remove(node)
        finally:
            del scheduler._reschedule  # noqa: SLF001 - as above
        if culprit is not None:
            with guard:
                _take_out(scheduler.workqueue, culprit)
        for other in others:
            scheduler._reschedule(other)  # noqa: SLF001 - as remove_node would have
        return culprit

    scheduler.remove_node = remove_node


def _take_out(queue: dict[str, dict[str, bool]], culprit: str) -> None:
    for scope, tests in list(queue.items()):
        if culprit in tests:
            tests[culprit] = True
        if all(tests.values()):
            del queue[scope]
