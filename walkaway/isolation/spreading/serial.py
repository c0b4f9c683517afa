"""Run the serial tests: choose the worker for them, and when it gets which test.

The worker that the inner scheduler closes last is kept. It gets the first serial test and nothing
after it. A worker runs a test only when it knows what comes next, so its last parallel test runs
and the serial one waits. When all other workers have gone, the rest follows. Knows tests by their
index; must not know the inner scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from walkaway.isolation.spreading.nodes import Node, Post

_AHEAD = 2
"""Serial tests in the worker's queue: the running one and the next, so that -x stops soon."""


class Serial:
    """The serial tests of a run. ``posts`` are its workers, as they come and go."""

    def __init__(
        self,
        posts: Mapping[Node, Post],
        stops: Callable[[], bool],
        parallel_finished: Callable[[], bool],
    ) -> None:
        self._posts = posts
        self._stops = stops
        self._parallel_finished = parallel_finished
        self._waiting: list[int] = []
        self._sent: list[int] = []
        #: The worker that runs the serial tests, and whether it is the only one left.
        self._kept: Post | None = None
        self._alone = False
        #: Whether the session wants all workers to end.
        self._over = False

    @property
    def pending(self) -> bool:
        """Whether there are tests that have not run."""
        return bool(self._waiting or self._sent)

    @property
    def waits(self) -> bool:
        """Whether tests are still to be handed out, or the kept worker still waits to be alone."""
        return bool(self._waiting) or (self._kept is not None and not self._alone)

    def begin(self, tests: Iterable[int]) -> None:
        self._waiting = list(tests)

    def joined(self) -> None:
        """Note a new worker. The session adds none when it is over."""
        self._over = False

    def done(self, test: int) -> None:
        self._sent.remove(test)

    def again(self, test: int) -> None:
        self._waiting.insert(0, test)

    def lost(self, post: Post, *, explained: bool) -> int | None:
        """Take back the tests that a dead worker has not run.

        Return the serial test that killed it.

        ``explained`` means that a parallel test killed it.
        """
        if post is not self._kept:
            return None
        left, self._sent = self._sent, []
        crashed = left.pop(0) if left and self._alone and not explained else None
        self._waiting = left + self._waiting
        self._kept, self._alone = None, False
        return crashed

    def close(self, post: Post) -> None:
        """End a worker that has no more parallel tests, or keep it for the serial ones."""
        others = any(not other.closed and not other.down for other in self._posts.values())
        ends = self._over or self._stops()
        if ends or not self._waiting or self._kept is not None or others or not post.ready:
            post.node.shutdown()
            return
        self._kept = post
        self._feed(post, 1)

    def go_on(self) -> None:
        """Hand out what may run now. Called after every event."""
        if self._stops() and not self._over:
            return  # the session is about to end the workers
        parallel_finished = self._parallel_finished()
        if parallel_finished:
            # The session would shut them down now: workers need that to run their last tests.
            for post in list(self._posts.values()):
                if post.ready:
                    post.shutdown()
        kept = self._kept
        if kept is None or kept.down or not self._by_itself(kept):
            return
        if self._over:
            self._alone = True
            kept.node.shutdown()
        elif parallel_finished:
            self._alone = True
            self._feed(kept, _AHEAD)

    def leave(self, post: Post) -> None:
        """End a worker for the session.

        One with a queued serial test ends as soon as it is alone.
        """
        self._over = True
        if post is not self._kept or self._by_itself(post):
            post.node.shutdown()

    def _by_itself(self, kept: Post) -> bool:
        return all(post.down for post in self._posts.values() if post is not kept)

    def _feed(self, kept: Post, ahead: int) -> None:
        n = ahead - len(self._sent)
        if n > 0:
            now, self._waiting = self._waiting[:n], self._waiting[n:]
            self._sent += now
            kept.run(now)
        if self._alone and not self._waiting:
            kept.node.shutdown()
