"""Which tests `--rerun 7f3a` and `--rerun 7f3a:2` mean: all that failed there, or one cause."""

from __future__ import annotations

import os

from walkaway.errors import WalkawayError
from walkaway.model import causes, exitcodes, ledger
from walkaway.model.run import Origin, Run
from walkaway.model.words import BAD
from walkaway.runs import choose, reader
from walkaway.runs.store import Record, Records

_COLLECTING = "collect"


def find(records: Records, selector: str, origin: Origin) -> tuple[Run, tuple[str, ...]]:
    """Return the earlier run and the node ids to run again; no ids: everything, as it was.

    `WalkawayError` 64 for a bad cause number, 5 when nothing failed there, 66 for no such run.
    """
    name, colon, number = selector.partition(":")
    if colon and not (number.isdecimal() and int(number) > 0):
        message = f"--rerun is {selector!r}: give RUN, or RUN:CAUSE with a number, as in 7f3a:1."
        raise WalkawayError(message, exitcodes.WRONG_USE)
    record = choose.choose(records, None if colon and not name else name, origin)
    run = record.run()
    if not os.path.isdir(run.cwd):
        message = f"Run {run.short} was started in {run.cwd}, which is gone."
        raise WalkawayError(message, exitcodes.NOT_STARTABLE)
    found = causes.group(reader.all_events(record.path("failures.jsonl")))
    if colon:
        return run, _of_cause(run, found, int(number))
    ids = _all(record)
    # Where nothing could be collected all of it is to be run again: there are no ids yet.
    if not ids and not any(cause.when == _COLLECTING for cause in found):
        hint = f"See what it has: inv results --run {run.short}"
        raise WalkawayError(f"Run {run.short} has no failed test.\n{hint}", exitcodes.NO_TESTS)
    return run, ids


def _all(record: Record) -> tuple[str, ...]:
    names = reader.ids(record.folder)
    book = ledger.build(names, reader.all_events(record.path("events.jsonl")))
    rows = zip(names, book.rows, strict=False)
    return tuple(nodeid for nodeid, row in rows if ledger.final_result(row) in BAD)


def _of_cause(run: Run, found: list[causes.Cause], number: int) -> tuple[str, ...]:
    for cause in found:
        if cause.number == number:
            return () if cause.when == _COLLECTING else cause.ids
    hint = f"See what it has: inv failures --run {run.short}"
    raise WalkawayError(f"Run {run.short} has no cause {number}.\n{hint}", exitcodes.WRONG_USE)
