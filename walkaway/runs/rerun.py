"""Find the tests that `--rerun` names: `7f3a` all that failed in that run, `7f3a:2` one cause.

`7f3a:not-run` names those without a result: after a stop, -x, a limit or a crash.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from walkaway.errors import WalkawayError
from walkaway.model import causes, exit_codes, ledger, standing
from walkaway.model.run import Origin, Run
from walkaway.model.vocabulary import BAD, Result
from walkaway.record import reader
from walkaway.record.store import Record, Records
from walkaway.runs import select, status

NOT_RUN = "not-run"
_COLLECTING = "collect"
_WITHOUT_RESULT = frozenset({
    str(Result.NOT_RUN), str(Result.NO_RESULT), str(Result.LOST), standing.UNKNOWN,
})  # fmt: skip


def find(records: Records, selector: str, origin: Origin) -> tuple[Run, tuple[str, ...]]:
    """Return the earlier run and the node ids to run again; no ids means everything again.

    Raises `WalkawayError` 64 for a bad cause number or a run still live, 5 when no test matches,
    66 when there is no such run, 69 when its folder is gone.
    """
    name, colon, number = selector.partition(":")
    if colon and number != NOT_RUN and not (number.isdecimal() and int(number) > 0):
        message = (
            f"--rerun is {selector!r}: give RUN, RUN:CAUSE with a number, as in 7f3a:1, or "
            f"RUN:{NOT_RUN}."
        )
        raise WalkawayError(message, exit_codes.WRONG_USE)
    record = select.choose(records, None if colon and not name else name, origin)
    run = record.run()
    if not os.path.isdir(run.cwd):
        message = f"Run {run.short} was started in {run.cwd}, which is gone."
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    if number == NOT_RUN:
        return run, _not_run(records, record, run)
    found = causes.group(reader.all_events(record.path("failures.jsonl")))
    if colon:
        return run, _of_cause(run, found, int(number))
    ids = _those(records, record, BAD)
    # If nothing could be collected there are no ids, and everything is run again.
    if not ids and not any(cause.when == _COLLECTING for cause in found):
        hint = f"See its results: inv results --run {run.short}"
        raise WalkawayError(f"Run {run.short} has no failed test.\n{hint}", exit_codes.NO_TESTS)
    return run, ids


def _not_run(records: Records, record: Record, run: Run) -> tuple[str, ...]:
    look = status.look(records, record)
    if look.live:
        message = f"Run {run.short} is still running: what did not run is known only at its end."
        raise WalkawayError(
            f"{message}\nWait for it first: inv wait --run {run.short}", exit_codes.WRONG_USE
        )
    ids = _those(records, record, _WITHOUT_RESULT)
    # No ids at all: it ended before collection, so everything is run.
    if not ids and reader.ids(record.folder):
        hint = f"See its results: inv results --run {run.short}"
        message = f"Every test of run {run.short} has a result.\n{hint}"
        raise WalkawayError(message, exit_codes.NO_TESTS)
    return ids


def _those(records: Records, record: Record, results: Collection[str]) -> tuple[str, ...]:
    """Return the node ids of the tests with one of these results, as `inv results` shows them."""
    look = status.look(records, record)
    names = reader.ids(record.folder)
    book = ledger.build(names, reader.all_events(record.path("events.jsonl")))
    outcome = look.ended.outcome if look.ended else None
    return tuple(
        nodeid
        for index, (nodeid, row) in enumerate(zip(names, book.rows, strict=False))
        if (row.owed or row.results)
        and standing.of(index, book, outcome, live=look.live) in results
    )


def _of_cause(run: Run, found: list[causes.Cause], number: int) -> tuple[str, ...]:
    for cause in found:
        if cause.number == number:
            return () if cause.when == _COLLECTING else cause.ids
    hint = f"See its causes: inv failures --run {run.short}"
    raise WalkawayError(f"Run {run.short} has no cause {number}.\n{hint}", exit_codes.WRONG_USE)
