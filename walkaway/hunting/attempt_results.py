"""Turn the record of an ended run into a hunt's attempt: one letter per test."""

from __future__ import annotations

from collections.abc import Sequence

from walkaway.model import event_kinds, exit_codes, ledger, standing
from walkaway.model.hunt import ABSENT, HUNG, LETTERS, LOST, PASSED, REPEATED, RERUN, Attempt
from walkaway.model.ledger import Ledger, Row
from walkaway.model.run_view import Ended
from walkaway.model.vocabulary import BAD, Outcome, Result
from walkaway.record import reader
from walkaway.record.store import Record, Records
from walkaway.runs import status

_NAMED = 5


def harvest(
    records: Records, record: Record, number: int, known: Sequence[str]
) -> tuple[Attempt, list[str]]:
    """Return a run's attempt, and its node ids that are not in ``known``, in order.

    The attempt's letters are in the order of ``known``, then of the new ids.
    """
    look = status.look(records, record)
    ended = look.ended or Ended(
        Outcome.VANISHED, exit_codes.VANISHED, "how it ended cannot be seen from here"
    )
    names = reader.ids(record.folder)
    book = ledger.build(names, reader.all_events(record.path("events.jsonl")))
    place = {nodeid: index for index, nodeid in enumerate(known)}
    new: list[str] = []
    letters: dict[int, str] = {}
    mixed: dict[int, tuple[int, int]] = {}
    stuck = {test.id for test in ended.stuck} if ended.outcome is Outcome.STALLED else set()
    for index, (nodeid, row) in enumerate(zip(names, book.rows, strict=False)):
        if not row.owed and not row.results:
            continue
        at = place.get(nodeid)
        if at is None:
            at = place[nodeid] = len(place)
            new.append(nodeid)
        letters[at] = HUNG if nodeid in stuck else _letter(index, book, ended)
        bad = sum(result in BAD for result in row.results)
        if 0 < bad < len(row.results):
            mixed[at] = bad, len(row.results)
    attempt = Attempt(
        number=number,
        run=record.id,
        seed=look.run.order_seed,
        outcome=ended.outcome,
        code=ended.code,
        duration_s=round(look.elapsed_s, 3),
        counts=dict(look.counts.by_result),
        expected=look.counts.expected,
        collected=book.progress.collected,
        letters="".join(letters.get(at, ABSENT) for at in range(len(place))).rstrip(ABSENT),
        mixed=mixed,
        uncollected=_uncollected(record),
        named=(*ended.crashed, *(test.id for test in ended.stuck))[:_NAMED],
        lost=ended.lost,
    )
    return attempt, new


def _letter(index: int, book: Ledger, ended: Ended) -> str:
    row: Row = book.rows[index]
    word = standing.of(index, book, ended.outcome)
    if word == standing.UNKNOWN:
        return LOST
    if word == Result.CRASHED and Result.CRASHED not in row.results:
        # In flight when pytest was killed from outside: that says nothing about the test.
        guilty = ended.outcome in {Outcome.CRASHED, Outcome.OUT_OF_MEMORY}
        return LETTERS[Result.CRASHED] if guilty else LOST
    letter = LETTERS[Result(word)]
    if letter != PASSED:
        return letter
    return RERUN if row.reruns else REPEATED if row.repeats else letter


def _uncollected(record: Record) -> tuple[str, ...]:
    found = (
        str(event.get("id"))
        for event in reader.all_events(record.path("events.jsonl"))
        if event["e"] == event_kinds.COLLECTION_ERROR
    )
    return tuple(dict.fromkeys(found))
