"""What an attempt says of a test that was in flight when its pytest ended."""

from __future__ import annotations

import pytest

from walkaway.hunting import attempt_results
from walkaway.model import hunt, ledger
from walkaway.model.run_view import Ended
from walkaway.model.vocabulary import Outcome, Result


@pytest.mark.parametrize(
    ("outcome", "letter"),
    [
        (Outcome.CRASHED, hunt.LETTERS[Result.CRASHED]),
        (Outcome.OUT_OF_MEMORY, hunt.LETTERS[Result.CRASHED]),
        (Outcome.KILLED, hunt.LOST),
    ],
)
def test_a_kill_from_outside_accuses_no_test(outcome: Outcome, letter: str) -> None:
    book = ledger.build(
        ["tests/a.py::test_it"],
        [
            {"e": "loaded", "t": 0.0, "pass": 1},
            {"e": "collected", "t": 0.1, "n": 1, "unique": 1},
            {"e": "s", "t": 0.2, "i": 0},
        ],
    )
    found = attempt_results._letter(0, book, Ended(outcome, 137, "pytest was ended by a signal"))
    assert found == letter
