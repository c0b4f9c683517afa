"""Two views of a worker: one for the mode's own scheduler, one for xdist's session.

Both call `shutdown` and mean different things: the scheduler means that it has no more parallel
tests for the worker, the session that everything is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

Node = Any
"""xdist's WorkerController; xdist has no types to import."""


class Post:
    """The inner scheduler's view of a worker: takes units, and closes when there are no more."""

    def __init__(
        self,
        node: Node,
        tests: Callable[[Sequence[int]], Sequence[int]],
        closing: Callable[..., None],
    ) -> None:
        self.node = node
        #: Whether it has collected, so that it can be given tests.
        self.ready = False
        #: Whether the inner scheduler has no more tests for it.
        self.closed = False
        #: Whether it has gone: nothing runs there.
        self.down = False
        self._tests = tests
        self._closing = closing

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever xdist's node has
        return getattr(self.node, name)

    def __repr__(self) -> str:
        return repr(self.node)

    @property
    def shutting_down(self) -> bool:
        return self.closed or bool(self.node.shutting_down)

    def shutdown(self) -> None:
        """Give it no more parallel tests."""
        if not self.closed:
            self.closed = True
            self._closing(self)

    def send_runtest_some(self, units: Sequence[int]) -> None:
        self.run(self._tests(units))

    def send_steal(self, units: Sequence[int]) -> None:
        with suppress(OSError):
            self.node.send_steal(self._tests(units))

    def run(self, tests: Sequence[int]) -> None:
        """Queue tests in the worker. Ignore one that has just died: it is reported next.

        Its tests come back then. Without this, two crashes at about the same time are an internal
        error.
        """
        with suppress(OSError):
            self.node.send_runtest_some(list(tests))


class Face:
    """The session's view of a worker: equal to the real one."""

    def __init__(self, post: Post, leave: Callable[[Post], None]) -> None:
        self._post = post
        self._leave = leave

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever xdist's node has
        return getattr(self._post.node, name)

    def __eq__(self, other: object) -> bool:
        return other is self._post.node or (isinstance(other, Face) and other._post is self._post)

    def __hash__(self) -> int:
        return hash(self._post.node)

    def __repr__(self) -> str:
        return repr(self._post.node)

    def shutdown(self) -> None:
        """End this worker after the tests in its queue."""
        self._leave(self._post)
