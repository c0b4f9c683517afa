"""A test's result, or the word for a test without one; every view shows the same."""

from __future__ import annotations

from typing import Any

import pytest

from walkaway.model import ledger, standing
from walkaway.model.vocabulary import Outcome

Event = dict[str, Any]
FOUR = ["a", "b", "c", "d"]
SO_FAR: list[Event] = [
    {"e": "loaded", "t": 1.0, "pass": 1},
    {"e": "collected", "t": 1.5, "n": 4, "unique": 4},
    {"e": "f", "t": 2.0, "i": 0, "r": "passed", "d": [1, 2, 3]},
    {"e": "f", "t": 2.0, "i": 1, "r": "failed", "d": [1, 2, 3]},
    {"e": "s", "t": 3.0, "i": 2},
]
"""One passed, one failed, one is in flight, one waits."""


def words(outcome: Outcome | None, *more: Event, live: bool = False) -> list[str]:
    """Return the words for the tests that have no result."""
    book = ledger.build(FOUR, [*SO_FAR, *more])
    found = [standing.of(index, book, outcome, live=live) for index in range(4)]
    assert found[:2] == ["passed", "failed"]
    return found[2:]


STOPPING: Event = {"e": "stopping", "t": 3.0, "m": "stopping after 1 failures"}
EXITED: Event = {"e": "ki", "t": 3.0, "kind": "Exit", "m": "done"}


@pytest.mark.parametrize(
    ("outcome", "more", "expected"),
    [
        (Outcome.CRASHED, (), ["crashed", "lost"]),
        (Outcome.KILLED, (), ["crashed", "lost"]),
        (Outcome.OUT_OF_MEMORY, (), ["crashed", "lost"]),
        (Outcome.VANISHED, (), ["lost", "lost"]),
        (Outcome.INCOMPLETE, (), ["lost", "lost"]),
        (Outcome.INCOMPLETE, (EXITED,), ["lost", "lost"]),
        (Outcome.INCOMPLETE, (STOPPING,), ["lost", "lost"]),
        (Outcome.FAILED, (), ["lost", "lost"]),
        (Outcome.FAILED, (EXITED,), ["lost", "lost"]),
        (Outcome.FAILED, (STOPPING,), ["no-result", "not-run"]),
        (Outcome.INTERRUPTED, (), ["no-result", "not-run"]),
        (Outcome.STOPPED, (), ["no-result", "not-run"]),
        (Outcome.TIMED_OUT, (), ["no-result", "not-run"]),
        (Outcome.NOTHING_RUN, (), ["no-result", "not-run"]),
        (None, (), ["unknown", "unknown"]),
    ],
)
def test_a_missing_test_has_the_word_that_its_runs_outcome_gives_it(
    outcome: Outcome | None, more: tuple[Event, ...], expected: list[str]
) -> None:
    assert words(outcome, *more) == expected


def test_every_outcome_has_a_word_and_the_list_of_missing_tests_has_the_same() -> None:
    book = ledger.build(FOUR, SO_FAR)
    for outcome in Outcome:
        assert standing.unreported(book, outcome) == dict(zip((2, 3), words(outcome), strict=True))


def test_tests_of_a_live_run_run_or_wait() -> None:
    assert words(None, live=True) == ["running", "waiting"]


def test_a_result_that_was_dropped_on_a_full_disk_is_unknown_not_lost() -> None:
    end: Event = {"e": "end", "t": 4, "exit": 0, "n": 4, "c": {"passed": 4}, "dropped": 2}
    assert words(Outcome.PASSED, end) == ["unknown", "unknown"]


def test_an_id_that_owes_two_reports_and_gave_one_is_no_pass() -> None:
    twice = {"e": "collected", "t": 1.5, "n": 3, "unique": 2, "dup": {"0": 2, "1": 2}}
    events: list[Event] = [
        SO_FAR[0],
        twice,
        {"e": "f", "t": 2.0, "i": 0, "r": "passed", "d": [1, 2, 3]},
        {"e": "f", "t": 2.0, "i": 1, "r": "failed", "d": [1, 2, 3]},
    ]
    book = ledger.build(["a", "b"], events)
    found = standing.unreported(book, Outcome.INCOMPLETE)
    assert found == {0: "lost", 1: "failed"}
