"""What a worker gives back of a group that it has begun: workers before xdist 3.7 do so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from walkaway.isolation.spreading.scheduler import Spreading
from walkaway.isolation.spreading.worker_report import WorkerReport

IDS = [f"test_it.py::test_{n}" for n in range(6)]
GROUP = [0, 1, 2]


@dataclass(eq=False)
class Worker:
    """Takes tests as xdist's WorkerController does, and runs none: so the test says what ran."""

    shutting_down: bool = False
    queue: list[int] = field(default_factory=list)

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        self.queue += indices


@dataclass
class Inner:
    """A scheduler that gives all to its one worker and writes down what it is told.

    A double: which tests a thief meets is chance under the real one.
    """

    numnodes: int = 1
    nodes: list[Any] = field(default_factory=list)
    complete: list[int] = field(default_factory=list)
    back: list[Sequence[int]] = field(default_factory=list)

    def add_node(self, post: Any) -> None:  # noqa: ANN401 - xdist has no types
        self.nodes.append(post)

    def add_node_collection(self, post: object, names: Sequence[str]) -> None:
        del post
        self.names = names

    def schedule(self) -> None:
        self.nodes[0].send_runtest_some(range(len(self.names)))

    def mark_test_complete(self, post: object, unit: int, duration: float) -> None:
        del post, duration
        self.complete.append(unit)

    def remove_pending_tests_from_node(self, post: object, units: Sequence[int]) -> None:
        del post
        self.back.append(units)


def scheduled() -> tuple[Spreading, Worker, Inner]:
    """A worker with a group of three tests in its queue, and three tests behind it."""
    worker, inner = Worker(), Inner()
    spreading = Spreading(
        inner,
        lambda _: WorkerReport(frozenset(), {"g": GROUP}),
        lambda: False,
        units=True,
        together=True,
    )
    spreading.add_node(worker)
    spreading.add_node_collection(worker, IDS)
    spreading.schedule()
    assert worker.queue == list(range(6))
    worker.queue.clear()
    return spreading, worker, inner


def test_the_rest_of_a_begun_group_stays_with_its_worker() -> None:
    spreading, worker, inner = scheduled()
    spreading.mark_test_complete(worker, 0)
    # Test 1 runs, test 3 is the one that the worker holds ready.
    spreading.remove_pending_tests_from_node(worker, [2, 4, 5])
    assert worker.queue == [2]
    assert inner.back == [[2, 3]]
    for test in (1, 3, 2):
        spreading.mark_test_complete(worker, test)
    assert inner.complete == [1, 0]  # the group once, when its last test has run


def test_so_it_does_between_two_of_its_tests() -> None:
    spreading, worker, inner = scheduled()
    spreading.mark_test_complete(worker, 0)
    spreading.remove_pending_tests_from_node(worker, [1, 2])
    assert (worker.queue, inner.back) == ([1, 2], [[]])


def test_a_group_that_was_not_begun_moves_whole() -> None:
    spreading, worker, inner = scheduled()
    spreading.remove_pending_tests_from_node(worker, [0, 1, 2, 5])
    assert (worker.queue, inner.back) == ([], [[0, 3]])
