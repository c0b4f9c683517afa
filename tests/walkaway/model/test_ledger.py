"""The ledger: what each collected test owes and has reported."""

from __future__ import annotations

from typing import Any

from walkaway.model import ledger, standing
from walkaway.model.ledger import Row, final_result
from walkaway.model.vocabulary import Outcome, Result

Event = dict[str, Any]
LOADED: Event = {"e": "loaded", "t": 1.0, "pass": 1}


def collected(unique: int, **more: object) -> Event:
    return {"e": "collected", "t": 1.5, "n": unique, "unique": unique, **more}


def done(index: int, result: str = "passed", t: float = 2.0, **more: object) -> Event:
    return {"e": "f", "t": t, "i": index, "r": result, "d": [1, 20, 300], **more}


def test_what_was_collected_and_never_reported_is_missing_by_name() -> None:
    book = ledger.build(["a", "b", "c"], [LOADED, collected(3), done(0), done(2)])
    assert book.missing == [1]
    assert book.counts == {"passed": 2}


def test_an_id_that_was_collected_twice_owes_two_reports() -> None:
    events = [LOADED, collected(2, n=3, dup={"1": 2}), done(0), done(1)]
    book = ledger.build(["a", "b"], events)
    assert book.missing == [1]
    assert ledger.build(["a", "b"], [*events, done(1, "failed")]).missing == []


def test_a_later_pass_owes_nothing_new() -> None:
    second = [{"e": "loaded", "t": 3.0, "pass": 2}, collected(1), done(1, t=4.0)]
    book = ledger.build(["a", "b"], [LOADED, collected(2), done(0), *second])
    assert book.missing == []
    assert [row.owed for row in book.rows] == [1, 1]


def test_ids_that_were_cut_off_still_owe_their_reports() -> None:
    book = ledger.build(["a"], [LOADED, collected(3), done(0), done(2)])
    assert book.missing == [1]


def test_a_test_that_reported_and_then_crashed_counts_once_as_crashed() -> None:
    book = ledger.build(["a", "b"], [LOADED, collected(2), done(0), done(0, "crashed"), done(1)])
    assert book.counts == {"crashed": 1, "passed": 1}


def test_an_index_that_nobody_collected_is_left_aside() -> None:
    book = ledger.build(["a"], [LOADED, collected(1), done(0), done(99), done(-1)])
    assert book.counts == {"passed": 1}
    assert book.missing == []


def test_times_workers_reasons_and_reruns_are_kept() -> None:
    events = [
        LOADED,
        collected(1),
        {"e": "rr", "t": 1.8, "i": 0},
        done(0, "failed", w="gw1", x=4, m="why"),
        {"e": "sub", "t": 1.9, "i": 0, "r": "failed", "m": "part", "x": 5},
    ]
    (row,) = ledger.build(["a"], events).rows
    assert row.durations_s == (0.001, 0.02, 0.3)
    assert round(row.total_s, 3) == 0.321
    assert (row.worker, row.reason, row.failure) == ("gw1", "why", 4)
    assert (row.reruns, row.subfailures) == (1, 1)


def test_the_worst_of_a_tests_reports_is_its_result() -> None:
    assert final_result(Row()) is None
    assert final_result(Row(results=["passed", "failed"])) is Result.FAILED
    assert final_result(Row(results=["passed", "crashed"])) is Result.CRASHED
    assert final_result(Row(results=["skipped"])) is Result.SKIPPED
    assert final_result(Row(results=["passed"], subfailures=1)) is Result.FAILED


def test_exits_of_all_passes_are_kept() -> None:
    ends = [
        {"e": "end", "t": 2.0, "exit": 1, "n": 1, "c": {}},
        {"e": "loaded", "t": 3.0, "pass": 2},
        {"e": "end", "t": 4.0, "exit": 0, "n": 1, "c": {}, "pass": 2},
    ]
    assert ledger.build(["a"], [LOADED, *ends]).exits == {1: 1, 2: 0}


def test_the_curve_has_few_points_and_ends_with_the_last_test() -> None:
    events = [LOADED, collected(1000), *(done(i, t=2.0 + i / 100) for i in range(1000))]
    curve = ledger.build([str(i) for i in range(1000)], events).curve
    assert len(curve) <= 51
    assert curve[-1] == (1000, 10.99)  # seconds after pytest was loaded
    assert [n for n, _ in curve] == sorted(n for n, _ in curve)


def again(index: int = 0, result: str = "failed", **more: object) -> Event:
    return {"e": "rr", "t": 1.9, "i": index, "r": result, **more}


def test_what_an_attempt_left_does_not_count_once_it_was_rerun() -> None:
    sub = {"e": "sub", "t": 1.8, "i": 0, "r": "failed", "m": "part", "x": 5}
    (row,) = ledger.build(["a"], [LOADED, collected(1), sub, again(sub=1), done(0)]).rows
    assert final_result(row) is Result.PASSED
    assert (row.reruns, row.subfailures, row.failure) == (1, 0, None)


def test_an_attempt_of_which_nothing_is_known_is_no_failed_one() -> None:
    events = [LOADED, collected(1), again(result="unknown"), done(0)]
    (row,) = ledger.build(["a"], events).rows
    assert (row.reruns, row.repeats) == (0, 1)


def test_a_crash_after_the_report_that_was_rerun_leaves_one_report() -> None:
    events = [LOADED, collected(1), done(0), again(result="crashed"), done(0)]
    book = ledger.build(["a"], events)
    assert book.counts == {"passed": 1}
    assert book.rows[0].crashes == 1


def test_a_result_of_a_newer_recorder_is_unknown_and_neither_lost_nor_passed() -> None:
    events = [LOADED, collected(1), done(0, "blessed")]
    book = ledger.build(["a"], events)
    assert final_result(book.rows[0]) is Result.UNKNOWN
    assert final_result(Row(results=["passed", "unknown"])) is Result.UNKNOWN
    assert final_result(Row(results=["failed", "unknown"])) is Result.FAILED


def test_every_report_of_an_id_that_was_collected_twice_is_an_entry_of_its_own() -> None:
    events = [
        LOADED,
        collected(2, n=5, dup={"0": 3, "1": 2}),
        done(0, w="gw0"),
        done(0, "failed", w="gw1", x=7, m="why"),
        done(1, "skipped", w="gw0"),
        {"e": "s", "t": 2.5, "i": 1, "w": "gw1"},
    ]
    book = ledger.build(["a", "b"], events)

    def told(index: int, *, live: bool) -> list[tuple[str, str, str, int | None]]:
        ended = None if live else Outcome.INCOMPLETE
        found = standing.entries(index, book, ended, live=live)
        return [(result, row.worker, row.reason, row.failure) for result, row in found]

    assert told(0, live=False) == [
        ("passed", "gw0", "", None),
        ("failed", "gw1", "why", 7),
        ("lost", "", "", None),
    ]
    assert [result for result, *_ in told(0, live=True)] == ["passed", "failed", "waiting"]
    assert [result for result, *_ in told(1, live=True)] == ["skipped", "running"]


def test_a_test_that_reported_and_then_crashed_is_one_entry() -> None:
    book = ledger.build(["a"], [LOADED, collected(1), done(0), done(0, "crashed", x=1)])
    ((result, row),) = standing.entries(0, book, Outcome.FAILED)
    assert (result, row.failure) == ("crashed", 1)
