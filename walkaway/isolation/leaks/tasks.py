"""asyncio tasks that are still pending when the test is over.

A test's own loop is looked at just before pytest-asyncio closes it, which cancels them silently;
wider loops after each test, where the tasks of servers and clients that outlive it are not its own.
What `asyncio.run` inside a test leaves, it has cancelled itself.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import cast

from walkaway.isolation.leaks import owners
from walkaway.isolation.leaks.new_items import SetWatch, Things, until

_ROUNDS = 3
"""Of the loop, for tasks that were cancelled and not awaited."""


class TasksWatch(SetWatch):
    """``roots`` returns what may own tasks for longer than a test: wider fixtures' things."""

    kind = "tasks"

    def __init__(self, roots: Callable[[], Sequence[object]]) -> None:
        self._roots = roots
        self._wider = weakref.WeakSet[asyncio.Runner]()
        self._seen: list[str] = []
        self._left: Things = frozenset()

    def opened(self, runner: asyncio.Runner, *, wider: bool) -> None:
        """Note a loop; the test's own ones are asked in `closing`."""
        if wider:
            self._wider.add(runner)

    def closing(self, runner: asyncio.Runner) -> None:
        """Look at a test's own loop."""
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
        # Not kept before it is asked: we are below the roots ourselves.
        self._left = new - self.excused(new) if new else new
        if self._left:
            until(self._over)
        return [*self._seen, *sorted(map(self.described, self._left))]

    def _over(self) -> bool:
        """Let the wider loops go on a little; a handler sees only then that its client is gone."""
        for runner in self._wider:
            runner.run(asyncio.sleep(0))
        self._left &= self.things()
        return not self._left

    def mend(self, before: object) -> None:
        """Cancel what was left in wider loops."""
        del before
        left, self._left = self._left, frozenset()
        for task in left:
            cast("asyncio.Task[object]", task).cancel()


def _pending(runner: asyncio.Runner) -> set[asyncio.Task[object]]:
    try:
        loop = runner.get_loop()
    except RuntimeError:  # closed
        return set()
    return set() if loop.is_closed() else asyncio.all_tasks(loop)


def _described(task: asyncio.Task[object]) -> str:
    coroutine = task.get_coro()
    name = getattr(coroutine, "__qualname__", repr(coroutine))
    return f"{task.get_name()} {name}"
