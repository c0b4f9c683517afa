"""The answers as versioned JSON objects; docs/guide/reference.md lists their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from walkaway.model.causes import Cause, selector
from walkaway.model.last_start import LastStart, Stage
from walkaway.model.run import Run, to_json
from walkaway.model.run_view import Ended, RunView
from walkaway.model.vocabulary import Outcome

SCHEMA = 1
"""Schema version. Raised when a key changes its meaning or disappears; new keys do not raise it."""

_RUN = (
    "id", "short", "label", "args", "argv", "root", "cwd", "created_s", "origin", "limits",
    "backend", "fell_back", "python", "workers", "parent", "ci", "version",
)  # fmt: skip


def look(
    look: RunView, causes: Sequence[Cause] = (), without: LastStart | None = None
) -> dict[str, Any]:
    """Return one look at a run; `causes` and `last_start` only when they are given."""
    found = {"walkaway": SCHEMA, **_look(look)}
    if without is not None:
        found["last_start"] = last_start(without, look)
    if causes:
        found["causes"] = _causes(causes, look.run.short)
    return found


def causes(found: Sequence[Cause]) -> list[dict[str, Any]]:
    """Return causes with their full texts."""
    return [_cause(cause) for cause in found]


def failures(look: RunView, found: Sequence[Cause], total: int, since: int = 0) -> dict[str, Any]:
    """Return the answer of `failures`."""
    return {
        "walkaway": SCHEMA,
        **_standing(look),
        "total": total,
        "since": since,
        "causes": _causes(found, look.run.short),
    }


def no_record(start: LastStart, before: RunView | None) -> dict[str, Any]:
    """Return the answer of a look when the last start made no record.

    The keys of a look that describe a run are null, because there is none.
    """
    ended = None
    if start.stage is not Stage.STARTING:
        blank = Ended(Outcome.NOT_STARTED, start.code, start.message)
        ended = {**asdict(blank), "outcome": start.stage}
    return {
        "walkaway": SCHEMA,
        "last_start": last_start(start, before),
        "run": None,
        "status": start.stage,
        "live": start.stage is Stage.STARTING,
        "ended": ended,
    }


def no_record_of(*keys: str) -> Callable[[LastStart, RunView | None], dict[str, Any]]:
    """Return a function like `no_record` for answers that contain no look: ``keys`` are null."""

    def answer(start: LastStart, before: RunView | None) -> dict[str, Any]:
        under_way = start.stage is Stage.STARTING
        return {
            "walkaway": SCHEMA,
            "last_start": last_start(start, before),
            "id": None,
            "status": start.stage,
            "live": under_way,
            "outcome": None if under_way else start.stage,
            "code": None if under_way else start.code,
            **dict.fromkeys(keys),
        }

    return answer


def last_start(start: LastStart, before: RunView | None) -> dict[str, Any]:
    """Return a start that made no record, and the run before it."""
    run = before and {
        "id": before.run.id,
        "short": before.run.short,
        "label": before.run.label,
        "live": before.live,
    }
    return {**asdict(start), "before": run}


def runs(looks: Sequence[RunView], more: int) -> dict[str, Any]:
    """Return the answer of `runs`, newest first."""
    return {"walkaway": SCHEMA, "runs": [_look(one) for one in looks], "more": more}


def results(
    look: RunView, rows: Sequence[tuple[str, str, float, str]], more: int
) -> dict[str, Any]:
    """Return the answer of `results`."""
    found = [
        {"id": nodeid, "result": result, "seconds": round(seconds, 3), "reason": reason}
        for nodeid, result, seconds, reason in rows
    ]
    return {"walkaway": SCHEMA, **_standing(look), "results": found, "more": more}


def log(run_id: str, path: str, lines: Sequence[str]) -> dict[str, Any]:
    """Return the answer of `log`: the last lines as pytest printed them."""
    return {"walkaway": SCHEMA, "id": run_id, "log": path, "lines": list(lines)}


def started(run: Run, log: str, joined: bool) -> dict[str, Any]:  # noqa: FBT001
    """Return the answer of `test-async`."""
    return {"walkaway": SCHEMA, "run": _run(run), "log": log, "joined": joined}


def _run(run: Run) -> dict[str, Any]:
    data = {**to_json(run), "short": run.short}
    return {name: data[name] for name in _RUN}


def _look(look: RunView) -> dict[str, Any]:
    return {**asdict(look), "run": _run(look.run), "live": look.live}


def _standing(look: RunView) -> dict[str, Any]:
    return {
        "id": look.run.id,
        "status": look.status,
        "live": look.live,
        "outcome": look.ended.outcome if look.ended else None,
        "code": look.ended.code if look.ended else None,
        "since_end": asdict(look.since_end) if look.since_end else None,
    }


def _causes(found: Sequence[Cause], short: str) -> list[dict[str, Any]]:
    return [
        {**_cause(cause), "rerun": selector(short, cause) if cause.again else None}
        for cause in found
    ]


def _cause(cause: Cause) -> dict[str, Any]:
    out = [{"heading": heading, "text": text} for heading, text in cause.out]
    return {**asdict(cause), "results": dict(cause.results), "out": out}
