"""What the inner scheduler gets to see: pure."""

from __future__ import annotations

from walkaway.isolation.spreading import index_map
from walkaway.isolation.spreading.worker_report import WorkerReport

IDS = list("abcdef")


def test_without_markers_units_are_the_tests() -> None:
    made = index_map.make(IDS, WorkerReport(), units=True, together=True)
    assert made.plain
    assert (made.names, made.serial) == (IDS, [])
    assert made.tests([4, 0]) == [4, 0]


def test_serial_tests_are_in_no_unit() -> None:
    made = index_map.make(IDS, WorkerReport(frozenset({0, 3})), units=False, together=False)
    assert not made.plain
    assert made.names == ["b", "c", "e", "f"]
    assert made.tests([0, 3]) == [1, 5]
    assert made.serial == [0, 3]
    assert [made.unit_of[i] for i in (1, 5, 0)] == [0, 3, index_map.NO_UNIT]


def test_a_group_is_one_unit_where_its_first_test_stands() -> None:
    made = index_map.make(IDS, WorkerReport(groups={"g": [1, 4]}), units=True, together=True)
    assert made.units == [[0], [1, 4], [2], [3], [5]]
    assert made.names == ["0", "1", "2", "3", "4"]
    assert made.units_with([4, 1, 0]) == [1, 0]


def test_where_groups_do_not_count_they_are_not_seen() -> None:
    told = WorkerReport(frozenset({1}), {"g": [1, 4]})
    assert index_map.make(IDS, told, units=False, together=False).serial == [1]
    assert index_map.make(IDS, told, units=False, together=True).serial == [1, 4]


def test_any_workers_serial_counts_and_the_first_groups_do() -> None:
    told = [
        WorkerReport(),
        WorkerReport(frozenset({1}), {"g": [2]}),
        WorkerReport(frozenset({3}), {"h": [4]}),
    ]
    assert index_map.merge(told) == WorkerReport(frozenset({1, 3}), {"g": [2]})
