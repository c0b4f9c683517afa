"""A scheduler around the mode's own: that one spreads the parallel tests, this one the serial.

The worker that the inner scheduler closes last is kept. It is given the first serial test, and
nothing behind it: a worker runs a test only when it knows what comes next, so its last parallel
test goes on and the serial one waits. When all other workers have gone the rest follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from walkaway.isolation.spreading import plan
from walkaway.isolation.spreading.nodes import Face, Node, Post
from walkaway.isolation.spreading.told import Told

Inner = Any
"""One of xdist's schedulers; xdist has no types to import."""

_AHEAD = 2
"""Serial tests in the worker's queue: the running one and the next, so that -x stops soon."""


class Spreading:
    """xdist's scheduler protocol, `xdist.scheduler.protocol.Scheduling`."""

    def __init__(
        self,
        inner: Inner,
        tell: Callable[[Node], Told],
        stops: Callable[[], bool],
        *,
        units: bool,
        together: bool,
    ) -> None:
        self._inner = inner
        self._tell = tell
        self._stops = stops
        self._units = units
        self._together = together
        self._posts: dict[Node, Post] = {}
        self._collected: dict[Node, tuple[list[str], Told]] = {}
        self._plan = plan.make([], Told(), units=False, together=False)
        self._begun = False
        self._used = False
        #: Groups: which of a unit's tests have not run, and the time of those that have.
        self._left: dict[int, list[int]] = {}
        self._spent: dict[int, float] = {}
        self._torn: list[int] = []
        self._serial: list[int] = []
        self._sent: list[int] = []
        #: The worker that the serial tests go to, and whether it is the only one now.
        self._kept: Post | None = None
        self._alone = False
        #: Whether the session wants all workers to end.
        self._over = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the inner scheduler has
        return getattr(self._inner, name)

    # -- what xdist's session asks

    @property
    def nodes(self) -> list[Face]:
        return [Face(post, self._leave) for post in self._posts.values()]

    @property
    def collection_is_completed(self) -> bool:
        return len(self._collected) >= int(self._inner.numnodes)

    @property
    def has_pending(self) -> bool:
        return bool(self._serial or self._sent or self._inner.has_pending)

    @property
    def tests_finished(self) -> bool:
        """Whether workers may end; asked after every event, so also the moment to go on."""
        if not self._begun:
            return False
        if self._torn:
            self._mend()
        if self._waits():
            self._go_on()
        return not self._waits() and self._parallel_finished()

    def _waits(self) -> bool:
        """Tell whether serial tests are still to be handed out or let go."""
        return bool(self._serial) or (self._kept is not None and not self._alone)

    def _parallel_finished(self) -> bool:
        return not self._used or bool(self._inner.tests_finished)

    # -- workers come

    def add_node(self, node: Node) -> None:
        self._posts[node] = Post(node, self._tests, self._closing)
        self._over = False  # the session adds none when it is over

    def add_node_collection(self, node: Node, collection: Sequence[str]) -> None:
        ids, told = list(collection), self._tell(node)
        post = self._posts[node]
        if self._begun:
            if ids != self._plan.ids:
                # xdist leaves such a one idle; we must not wait for it.
                self._inner.log(f"{node} collected other tests than its predecessor")
                post.shutdown()
                return
            self._enter(post)
        self._collected[node] = (ids, told)

    def schedule(self) -> None:
        again = self._begun
        if not again:
            self._begun = True
            self._begin()
        if self._used:
            self._inner.schedule()
        if self._used and again:
            # The modes of scopes give a worker that replaces another one unit; one of a single
            # test would wait for ever for the next.
            self._inner.schedule()

    def _begin(self) -> None:
        everything = list(self._collected.values())
        ids = everything[0][0]
        alike = all(other == ids for other, _ in everything)
        told = plan.merge([told for _, told in everything]) if alike else Told()
        self._plan = plan.make(ids, told, units=self._units, together=self._together)
        self._serial = list(self._plan.serial)
        # Without parallel tests the inner scheduler is left out: new workers would trip it up.
        self._used = bool(self._plan.units) or not alike
        # Those that have died since first, so that their removal moves nobody.
        for node in sorted(self._collected, key=lambda node: node in self._posts):
            # Workers that do not agree are the inner scheduler's to find and to report.
            names = None if alike else self._collected[node][0]
            post = self._posts.get(node)
            if post is not None:
                self._enter(post, names)
            elif self._used:
                dead = Post(node, self._tests, self._closing)
                self._enter(dead, names)
                self._inner.remove_node(dead)

    def _enter(self, post: Post, names: list[str] | None = None) -> None:
        post.ready = True
        if self._used:
            self._inner.add_node(post)
            self._inner.add_node_collection(
                post, list(self._plan.names if names is None else names)
            )

    # -- workers work

    def _tests(self, units: Sequence[int]) -> Sequence[int]:
        if self._plan.plain:
            return units
        if not self._plan.grouped:
            return self._plan.tests(units)
        found: list[int] = []
        for unit in units:
            found += self._left.setdefault(unit, list(self._plan.units[unit]))
        return found

    def mark_test_complete(self, node: Node, item_index: int, duration: float = 0) -> None:
        post = self._posts[node]
        if self._plan.plain:
            self._inner.mark_test_complete(post, item_index, duration)
            return
        unit = self._plan.unit_of[item_index]
        if unit == plan.NO_UNIT:
            self._sent.remove(item_index)
        elif not self._plan.grouped:
            self._inner.mark_test_complete(post, unit, duration)
        else:
            self._left[unit].remove(item_index)
            self._spent[unit] = spent = self._spent.get(unit, 0) + duration
            if not self._left[unit]:
                self._inner.mark_test_complete(post, unit, spent)

    def mark_test_pending(self, item: str) -> None:
        """Run a test again, as a plugin may wish of one that has crashed a worker."""
        index = self._plan.ids.index(item)
        unit = self._plan.unit_of[index]
        if unit == plan.NO_UNIT:
            self._serial.insert(0, index)
        elif not self._plan.grouped:
            self._inner.mark_test_pending(item)
        else:
            self._left[unit].insert(0, index)
            if unit not in self._torn:
                self._torn.append(unit)

    def remove_pending_tests_from_node(self, node: Node, indices: Sequence[int]) -> None:
        units = indices if self._plan.plain else self._plan.units_with(indices)
        self._inner.remove_pending_tests_from_node(self._posts[node], units)

    # -- workers go

    def gone(self, node: Node) -> None:
        """Take note that nothing runs there any more; xdist does not always remove it."""
        if node in self._posts:
            self._posts[node].down = True

    def remove_node(self, node: Node) -> str | None:
        post = self._posts.pop(node)
        crashed = None
        if post in self._inner.nodes:
            crashed = self._inner.remove_node(post)
            if crashed is not None and self._plan.grouped:
                crashed = self._tear(int(crashed))
        if post is self._kept:
            crashed = self._take_back(crashed)
        return crashed

    def _tear(self, unit: int) -> str:
        """Return the test of a group that was running; those behind it are to go on elsewhere."""
        index = self._left[unit].pop(0)
        if self._left[unit]:
            self._torn.append(unit)
        return self._plan.ids[index]

    def _mend(self) -> None:
        torn, self._torn = self._torn, []
        for unit in torn:
            self._inner.mark_test_pending(str(unit))

    def _take_back(self, crashed: str | None) -> str | None:
        left, self._sent = self._sent, []
        if crashed is None and left and self._alone:
            crashed = self._plan.ids[left.pop(0)]
        self._serial = left + self._serial
        self._kept, self._alone = None, False
        return crashed

    # -- the serial part

    def _closing(self, post: Post) -> None:
        """Let a worker go for which there are no more parallel tests, or keep it."""
        others = any(not other.closed and not other.down for other in self._posts.values())
        ends = self._over or self._stops()
        if ends or not self._serial or self._kept is not None or others or not post.ready:
            post.node.shutdown()
            return
        self._kept = post
        self._feed(post, 1)

    def _go_on(self) -> None:
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

    def _by_itself(self, kept: Post) -> bool:
        return all(post.down for post in self._posts.values() if post is not kept)

    def _feed(self, kept: Post, ahead: int) -> None:
        n = ahead - len(self._sent)
        if n > 0:
            now, self._serial = self._serial[:n], self._serial[n:]
            self._sent += now
            kept.run(now)
        if self._alone and not self._serial:
            kept.node.shutdown()

    def _leave(self, post: Post) -> None:
        """End a worker for the session; one with a serial test in its queue as soon as it may."""
        self._over = True
        if post is not self._kept or self._by_itself(post):
            post.node.shutdown()
