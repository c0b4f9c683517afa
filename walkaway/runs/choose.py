"""Which run is meant: the one named, the latest of our origin, the only live one, the newest."""

from __future__ import annotations

from walkaway.errors import WalkawayError
from walkaway.model import exitcodes
from walkaway.model.run import Origin
from walkaway.model.words import Status
from walkaway.runs import status
from walkaway.runs.store import Record, Records

_LOOK_BACK = 200
"""Records read to find the latest of an origin: a bound, since each costs a file."""
_SHOWN = 6


def choose(records: Records, selector: str, origin: Origin) -> Record:
    """Return the record that ``selector`` means; empty or `latest`: that of this origin.

    `WalkawayError` 66 when there is no run, 64 when several live ones might be meant.
    """
    if selector and selector != "latest":
        return records.select(selector)
    ids = records.ids()
    if not ids:
        message = "No run yet in this checkout.\nStart one: inv test-async"
        raise WalkawayError(message, exitcodes.NO_SUCH_RUN)
    newest = [records.record(run_id) for run_id in reversed(ids)]
    for record in newest[:_LOOK_BACK]:
        if _origin_of(record) == origin.key:
            return record
    live = [r for r in newest[:_LOOK_BACK] if status.standing(r) is Status.RUNNING]
    if len(live) == 1:
        return live[0]
    if not live:
        return newest[0]
    shown = "\n".join(f"  {_line(record)}" for record in live[:_SHOWN])
    message = f"{len(live)} runs are live and none is yours. Name one with --run:\n{shown}"
    raise WalkawayError(message, exitcodes.WRONG_USE)


def _origin_of(record: Record) -> str | None:
    try:
        return record.run().origin.key
    except WalkawayError:
        return None


def _line(record: Record) -> str:
    try:
        run = record.run()
    except WalkawayError:
        return record.id
    return f"{run.short}  {run.label or 'all tests'}"
