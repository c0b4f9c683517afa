"""Choose a run: the one named, this origin's latest, the only live one, or the newest."""

from __future__ import annotations

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import Origin, Run
from walkaway.model.vocabulary import Status
from walkaway.record.store import Record, Records
from walkaway.runs import status
from walkaway.text import printable

_LOOK_BACK = 200
"""How many records are read at most to find an origin's latest; each costs reading a file."""
_SHOWN = 6
_LABEL_COLUMNS = 40


def choose(records: Records, selector: str | None, origin: Origin) -> Record:
    """Return the record that ``selector`` names; None or `latest`: this origin's latest.

    If this origin has none: the only live run, else the newest. Raises `WalkawayError` 66 when
    there is no run, 64 when several live ones might be meant.
    """
    if selector is not None and selector.strip() != "latest":
        return records.select(selector)
    ids = records.ids()
    if not ids:
        message = "No run yet in this checkout.\nStart one: inv test-async"
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN)
    newest = [records.record(run_id) for run_id in reversed(ids[-_LOOK_BACK:])]
    readable = []
    for record in newest:
        run = _run_of(record)
        if run is not None and run.origin.key == origin.key:
            return record
        if run is not None:
            readable.append((record, run))
    live = [(r, run) for r, run in readable if status.standing(r) is Status.RUNNING]
    if len(live) == 1:
        return live[0][0]
    if not live:
        return readable[0][0] if readable else newest[0]
    shown = ", ".join(_named(run) for _, run in live[:_SHOWN])
    more = f" and {len(live) - _SHOWN} more" if len(live) > _SHOWN else ""
    message = f"{len(live)} runs are live and none is yours: {shown}{more}.\nName one with --run."
    raise WalkawayError(message, exit_codes.WRONG_USE)


def _run_of(record: Record) -> Run | None:
    try:
        return record.run()
    except WalkawayError:
        return None  # being deleted, or only partly copied


def _named(run: Run) -> str:
    return f"{run.short} ({printable(run.label, _LABEL_COLUMNS) or 'all tests'})"
