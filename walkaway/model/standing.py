"""A test's result, or the one word for a test without a result.

The verdict, `results`, JUnit and the hunts all use these functions, so they cannot differ.
"""

from __future__ import annotations

from walkaway.model.ledger import Ledger, Row, final_result, reports_of
from walkaway.model.vocabulary import BAD, Outcome, Result

RUNNING = "running"
WAITING = "waiting"
UNKNOWN = Result.UNKNOWN.value
"""Its result was dropped on a full disk, or its run cannot be judged from here."""

_ON_PURPOSE = frozenset({
    Outcome.TIMED_OUT, Outcome.STALLED, Outcome.OUTPUT_LIMIT, Outcome.DISK_FULL, Outcome.STOPPED,
    Outcome.INTERRUPTED, Outcome.COLLECTION_ERROR, Outcome.NOTHING_RUN,
})  # fmt: skip
"""Outcomes that explain why tests have not run; after other outcomes they are lost."""
_BY_PYTEST = frozenset({Outcome.PASSED, Outcome.FAILED})
"""Outcomes that explain it if pytest said that it stops early: -x, --maxfail."""
_IN_A_TEST = frozenset({Outcome.CRASHED, Outcome.KILLED, Outcome.OUT_OF_MEMORY})
"""Outcomes after which the tests in flight are called crashed."""


def of(index: int, book: Ledger, outcome: Outcome | None, *, live: bool = False) -> str:
    """Return a test's result, or the word for a test that has none: running, lost, ...

    ``outcome``: how its run ended; None if it has not ended or cannot be judged. If an id owes
    several reports (duplicates), a bad one takes precedence over missing ones.
    """
    row = book.rows[index]
    found = final_result(row)
    flying = any(key[1] == index for key in book.progress.in_flight)
    if flying and outcome in _IN_A_TEST:
        return Result.CRASHED.value
    if found is not None and (not row.missing or found in BAD):
        return found.value
    if found is not None and not live and (outcome is None or book.progress.lost_lines):
        return found.value
    return _owing(index, book, outcome, flying=flying, live=live)


def entries(
    index: int, book: Ledger, outcome: Outcome | None, *, live: bool = False
) -> list[tuple[str, Row]]:
    """Return a test's results, one for each report it gave or owes, each with its row.

    There are several for an id that was collected several times: given twice, or run by every
    worker (`--dist each`). They add up to the counts of the run.
    """
    row = book.rows[index]
    if row.owed <= 1 and not row.reports:
        return [(of(index, book, outcome, live=live), row)]
    reported = reports_of(row) if row.results else []
    found = [((final_result(one) or Result.UNKNOWN).value, one) for one in reported]
    flying = sum(key[1] == index for key in book.progress.in_flight)
    for place in range(row.missing):
        word = _owing(index, book, outcome, flying=place < flying, live=live)
        found.append((word, Row(owed=1)))
    return found


def _owing(index: int, book: Ledger, outcome: Outcome | None, *, flying: bool, live: bool) -> str:
    """Return the word for a report that is still owed."""
    if flying and outcome in _IN_A_TEST:
        return Result.CRASHED.value
    if live:
        return RUNNING if flying else WAITING
    if outcome is None or book.progress.lost_lines:
        return UNKNOWN
    return _missing(index, book, outcome).value


def unreported(book: Ledger, outcome: Outcome) -> dict[int, str]:
    """Return the word for each test that owed a report or was in flight when its run ended."""
    flying = {index for _, index in book.progress.in_flight if 0 <= index < len(book.rows)}
    return {index: of(index, book, outcome) for index in sorted({*book.missing, *flying})}


def _missing(index: int, book: Ledger, outcome: Outcome) -> Result:
    explained = outcome in _BY_PYTEST and bool(book.progress.stopping)
    if not explained and outcome not in _ON_PURPOSE:
        return Result.LOST
    return Result.NO_RESULT if book.may_have_run(index) else Result.NOT_RUN
