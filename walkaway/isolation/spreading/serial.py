"""The serial part: which worker is kept for it, and when that one is given which test.

The worker that the inner scheduler closes last is kept. It is given the first serial test, and
nothing behind it: a worker runs a test only when it knows what comes next, so its last parallel
test goes on and the serial one waits. When all other workers have gone the rest follows.

Knows tests by their index; must not know the inner scheduler.
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
        #: The worker that the tests go to, and whether it is the only one now.
        self._kept: Post | None = None
        self._alone = False
        #: Whether the session wants all workers to end.
        self._over = False

    @property
    def pending(self) -> bool:
        """Whether tests have not run."""
        return bool(self._waiting or self._sent)

    @property
    def waits(self) -> bool:
        """Whether tests are still to be handed out or let go."""
        return bool(self._waiting) or (self._kept is not None and not self._alone)

    def begin(self, tests: Iterable[int]) -> None:
        self._waiting = list(tests)

    def joined(self) -> None:
        """Take note of a new worker: the session adds none when it is over."""
        self._over = False

    def done(self, test: int) -> None:
        self._sent.remove(test)

    def again(self, test: int) -> None:
        self._waiting.insert(0, test)

    def lost(self, post: Post, *, explained: bool) -> int | None:
        """Take back what a worker that died has not run; return the test that it died of.

        ``explained``: it died of a parallel one.
        """
        if post is not self._kept:
            return None
        left, self._sent = self._sent, []
        crashed = left.pop(0) if left and self._alone and not explained else None
        self._waiting = left + self._waiting
        self._kept, self._alone = None, False
        return crashed

    def close(self, post: Post) -> None:
        """Let a worker go for which there are no more parallel tests, or keep it."""
        others = any(not other.closed and not other.down for other in self._posts.values())
        ends = self._over or self._stops()
        if ends or not self._waiting or self._kept is not None or others or not post.ready:
            post.node.shutdown()
            return
        self._kept = post
        self._feed(post, 1)

    def go_on(self) -> None:
        """Hand out what may run now; asked after every event."""
        if self._stops() and not self._over:
            return  # the session is about to say so
        parallel_finished = self._parallel_finished()
        if parallel_finished:
            # What xdist's session would say now: workers need it to run their last tests.
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
        """End a worker for the session; one with a serial test in its queue as soon as it may."""
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
