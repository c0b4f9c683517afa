"""Which tests `--rerun 7f3a` and `--rerun 7f3a:2` mean: all that failed there, or one cause."""

from __future__ import annotations

from walkaway.errors import WalkawayError
from walkaway.model import exitcodes, ledger
from walkaway.model.events import text, whole
from walkaway.model.run import Origin, Run
from walkaway.model.words import BAD
from walkaway.runs import choose, reader
from walkaway.runs.store import Record, Records


def find(records: Records, selector: str, origin: Origin) -> tuple[Run, tuple[str, ...]]:
    """Return the earlier run and the node ids to run again.

    `WalkawayError` 64 for a bad cause number, 5 when nothing failed there, 66 for no such run.
    """
    name, _, cause = selector.partition(":")
    record = choose.choose(records, name, origin)
    run = record.run()
    found = _of_cause(record, cause) if cause else _all(record)
    if not found:
        what = f"no cause {cause}" if cause else "no failed test"
        message = f"Run {run.short} has {what}.\nSee what it has: inv failures --run {run.short}"
        raise WalkawayError(message, exitcodes.WRONG_USE if cause else exitcodes.NO_TESTS)
    return run, tuple(dict.fromkeys(found))


def _all(record: Record) -> list[str]:
    names = reader.ids(record.folder)
    book = ledger.build(names, reader.all_events(record.path("events.jsonl")))
    rows = zip(names, book.rows, strict=False)
    return [nodeid for nodeid, row in rows if ledger.final_result(row) in BAD]


def _of_cause(record: Record, cause: str) -> list[str]:
    if not cause.isdecimal():
        message = f"--rerun takes RUN or RUN:CAUSE, a number; {cause!r} is none."
        raise WalkawayError(message, exitcodes.WRONG_USE)
    entries = reader.all_events(record.path("failures.jsonl"))
    return [
        text(entry, "id")
        for entry in entries
        if whole(entry, "cause", -1) == int(cause) - 1 and text(entry, "w") != "collect"
    ]
