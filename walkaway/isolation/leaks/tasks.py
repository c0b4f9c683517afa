"""Leak watch for asyncio tasks still pending when the test is over.

A test's own loop is checked just before pytest-asyncio closes it, which cancels its tasks silently.
Wider-scoped loops are checked after each test; tasks of servers and clients that outlive the test
do not count there. `asyncio.run` inside a test cancels its own leftovers.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import cast

from walkaway.isolation.leaks import owners
from walkaway.isolation.leaks.new_items import SetWatch, Things, until

_ROUNDS = 3
"""Rounds of the loop to run for tasks that were cancelled but not awaited."""


class TasksWatch(SetWatch):
    """``roots`` returns what may own tasks for longer than a test: values of wider fixtures."""

    kind = "tasks"

    def __init__(self, roots: Callable[[], Sequence[object]]) -> None:
        self._roots = roots
        self._wider = weakref.WeakSet[asyncio.Runner]()
        self._seen: list[str] = []
        self._left: Things = frozenset()

    def opened(self, runner: asyncio.Runner, *, wider: bool) -> None:
        """Record a loop. A test's own loop is checked in `closing` instead."""
        if wider:
            self._wider.add(runner)

    def closing(self, runner: asyncio.Runner) -> None:
        """Check a test's own loop."""
        new = _pending(runner)
        for _ in range(_ROUNDS if new else 0):
            runner.run(asyncio.sleep(0))
        self._seen += [_described(task) for task in new if not task.done()]

    def before(self) -> Things:
        self._seen.clear()
        return self.things()

    def things(self) -> Things:
        return frozenset(task for runner in self._wider for task in _pending(runner))

    def excused(self, things: Things) -> Things:
        owned = {id(thing) for thing in owners.below(self._roots())}
        return frozenset(task for task in things if id(task) in owned)

    def described(self, thing: Hashable) -> str:
        return _described(cast("asyncio.Task[object]", thing))

    def left(self, before: object) -> Sequence[str]:
        new = self.things() - cast("Things", before)
        # Stored only after the check: this object is itself reachable from the roots.
        self._left = new - self.excused(new) if new else new
        if self._left:
            until(self._over)
        return [*self._seen, *sorted(map(self.described, self._left))]

    def _over(self) -> bool:
        """Run the wider loops a little. Only then does a handler see that its client has gone."""
        for runner in self._wider:
            runner.run(asyncio.sleep(0))
        self._left &= self.things()
        return not self._left

    def restore(self, before: object) -> None:
        """Cancel what was left in wider-scoped loops."""
        del before
        left, self._left = self._left, frozenset()
        for task in left:
            cast("asyncio.Task[object]", task).cancel()


def _pending(runner: asyncio.Runner) -> set[asyncio.Task[object]]:
    try:
        loop = runner.get_loop()
    except RuntimeError:  # the runner is closed
        return set()
    return set() if loop.is_closed() else asyncio.all_tasks(loop)


def _described(task: asyncio.Task[object]) -> str:
    coroutine = task.get_coro()
    name = getattr(coroutine, "__qualname__", repr(coroutine))
    return f"{task.get_name()} {name}"
