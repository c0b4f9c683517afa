"""asyncio tasks that are still pending when the test is over.

A test's own loop is looked at just before pytest-asyncio closes it, which cancels them silently;
wider loops after each test. What `asyncio.run` inside a test leaves, it has cancelled itself.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Hashable, Sequence
from typing import cast

from walkaway.isolation.leaks.sets import SetWatch, Things

_ROUNDS = 3
"""Of the loop, for tasks that were cancelled and not awaited."""


class TasksWatch(SetWatch):
    kind = "tasks"

    def __init__(self) -> None:
        self._wider = weakref.WeakSet[asyncio.Runner]()
        self._seen: list[str] = []

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

    def described(self, thing: Hashable) -> str:
        return _described(cast("asyncio.Task[object]", thing))

    def left(self, before: object) -> Sequence[str]:
        new = self.things() - cast("Things", before)
        for runner in self._wider if new else ():
            for _ in range(_ROUNDS):
                runner.run(asyncio.sleep(0))
        pending = sorted(self.described(task) for task in new & self.things())
        return [*self._seen, *pending]

    def mend(self, before: object) -> None:
        """Cancel what is left in wider loops."""
        for task in self.things() - cast("Things", before):
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
