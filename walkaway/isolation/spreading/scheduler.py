"""A scheduler that wraps the mode's own. The inner one spreads parallel tests, `serial` the rest.

Units are in between: what the inner scheduler takes for one test may be a whole group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from walkaway.isolation.spreading import index_map
from walkaway.isolation.spreading.nodes import Face, Node, Post
from walkaway.isolation.spreading.serial import Serial
from walkaway.isolation.spreading.worker_report import WorkerReport

Inner = Any
"""One of xdist's schedulers; xdist has no types to import."""


class Spreading:
    """Implements xdist's scheduler protocol, `xdist.scheduler.protocol.Scheduling`."""

    def __init__(
        self,
        inner: Inner,
        report_of: Callable[[Node], WorkerReport],
        stops: Callable[[], bool],
        *,
        units: bool,
        together: bool,
    ) -> None:
        self._inner = inner
        self._report_of = report_of
        self._units = units
        self._together = together
        self._posts: dict[Node, Post] = {}
        self._serial = Serial(self._posts, stops, self._parallel_finished)
        self._collected: dict[Node, tuple[list[str], WorkerReport]] = {}
        self._plan = index_map.make([], WorkerReport(), units=False, together=False)
        self._begun = False
        self._used = False
        #: For groups: a unit's tests that have not run, and the time spent by those that have.
        self._left: dict[int, list[int]] = {}
        self._spent: dict[int, float] = {}
        self._torn: list[int] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the inner scheduler has
        return getattr(self._inner, name)

    # -- called by xdist's session

    @property
    def nodes(self) -> list[Face]:
        return [Face(post, self._serial.leave) for post in self._posts.values()]

    @property
    def collection_is_completed(self) -> bool:
        return len(self._collected) >= int(self._inner.numnodes)

    @property
    def has_pending(self) -> bool:
        return self._serial.pending or bool(self._inner.has_pending)

    @property
    def tests_finished(self) -> bool:
        """Whether workers may end.

        The session reads it after every event, so work goes on from here.
        """
        if not self._begun:
            return False
        if self._torn:
            self._requeue_torn()
        if self._serial.waits:
            self._serial.go_on()
        return not self._serial.waits and self._parallel_finished()

    def _parallel_finished(self) -> bool:
        return not self._used or bool(self._inner.tests_finished)

    # -- workers join

    def add_node(self, node: Node) -> None:
        self._posts[node] = Post(node, self._tests, self._serial.close)
        self._serial.joined()

    def add_node_collection(self, node: Node, collection: Sequence[str]) -> None:
        ids, report = list(collection), self._report_of(node)
        post = self._posts[node]
        if self._begun:
            if ids != self._plan.ids:
                # xdist leaves such a worker idle; we must not wait for it.
                self._inner.log(f"{node} collected different tests from its predecessor")
                post.shutdown()
                return
            self._enter(post)
        self._collected[node] = (ids, report)

    def schedule(self) -> None:
        again = self._begun
        if not again:
            self._begun = True
            self._begin()
        if self._used:
            self._inner.schedule()
        if self._used and again:
            # The scope modes give a replacement worker one unit. If that is a single test, the
            # worker would wait for ever for the next one.
            self._inner.schedule()

    def _begin(self) -> None:
        everything = list(self._collected.values())
        ids = everything[0][0]
        alike = all(other == ids for other, _ in everything)
        report = index_map.merge([one for _, one in everything]) if alike else WorkerReport()
        self._plan = index_map.make(ids, report, units=self._units, together=self._together)
        self._serial.begin(self._plan.serial)
        # Without parallel tests the inner scheduler is not used: new workers would confuse it.
        self._used = bool(self._plan.units) or not alike
        # Workers that have died since come first, so that removing them moves no tests.
        for node in sorted(self._collected, key=lambda node: node in self._posts):
            # When workers disagree, the inner scheduler finds and reports it.
            names = None if alike else self._collected[node][0]
            post = self._posts.get(node)
            if post is not None:
                self._enter(post, names)
            elif self._used:
                dead = Post(node, self._tests, self._serial.close)
                self._enter(dead, names)
                self._inner.remove_node(dead)

    def _enter(self, post: Post, names: list[str] | None = None) -> None:
        post.ready = True
        if self._used:
            self._inner.add_node(post)
            self._inner.add_node_collection(
                post, list(self._plan.names if names is None else names)
            )

    # -- workers run tests

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
        if unit == index_map.NO_UNIT:
            self._serial.done(item_index)
        elif not self._plan.grouped:
            self._inner.mark_test_complete(post, unit, duration)
        else:
            self._left[unit].remove(item_index)
            self._spent[unit] = spent = self._spent.get(unit, 0) + duration
            if not self._left[unit]:
                self._inner.mark_test_complete(post, unit, spent)

    def mark_test_pending(self, item: str) -> None:
        """Run a test again, as a plugin may ask for one that crashed a worker."""
        index = self._plan.ids.index(item)
        unit = self._plan.unit_of[index]
        if unit == index_map.NO_UNIT:
            self._serial.again(index)
        elif not self._plan.grouped:
            self._inner.mark_test_pending(item)
        else:
            self._left[unit].insert(0, index)
            if unit not in self._torn:
                self._torn.append(unit)

    def remove_pending_tests_from_node(self, node: Node, indices: Sequence[int]) -> None:
        post = self._posts[node]
        units = indices if self._plan.plain else self._plan.units_with(indices)
        if self._plan.grouped:
            # Workers before xdist 3.7 give back the part of a group that they have not begun. It
            # stays with them: the inner scheduler would deal out the whole group again.
            back = set(indices)
            begun = [unit for unit in units if not back.issuperset(self._plan.units[unit])]
            post.run([index for index in self._tests(begun) if index in back])
            units = [unit for unit in units if unit not in begun]
        self._inner.remove_pending_tests_from_node(post, units)

    # -- workers leave

    def gone(self, node: Node) -> None:
        """Record that nothing runs on a worker any more. xdist does not always remove it."""
        if node in self._posts:
            self._posts[node].down = True

    def remove_node(self, node: Node) -> str | None:
        post = self._posts.pop(node)
        crashed = None
        if post in self._inner.nodes:
            crashed = self._inner.remove_node(post)
            if crashed is not None and self._plan.grouped:
                crashed = self._tear(int(crashed))
        serial = self._serial.lost(post, explained=crashed is not None)
        return crashed if serial is None else self._plan.ids[serial]

    def _tear(self, unit: int) -> str:
        """Return the test of a group that was running. The tests after it continue elsewhere."""
        index = self._left[unit].pop(0)
        if self._left[unit]:
            self._torn.append(unit)
        return self._plan.ids[index]

    def _requeue_torn(self) -> None:
        torn, self._torn = self._torn, []
        for unit in torn:
            self._inner.mark_test_pending(str(unit))
