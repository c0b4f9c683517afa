"""JSON view of a hunt, versioned. Keys have the names of the data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from walkaway.model.hunt import Attempt, HuntView
from walkaway.model.hunt_summary import Case, Findings
from walkaway.model.interval import ruled_out
from walkaway.model.last_start import LastStart
from walkaway.text import Style
from walkaway.views.hunt import command

SCHEMA = 1


def as_json(look: HuntView, found: Findings, style: Style) -> dict[str, Any]:
    """Return everything known about a hunt. docs/guide/reference.md lists the keys."""
    asked = look.hunt
    runs = {attempt.number: attempt for attempt in look.attempts}

    def case(one: Case) -> dict[str, Any]:
        low, high = one.interval
        row = {
            "id": one.id,
            "letters": one.letters,
            "failures": one.failures,
            "reports": one.reports,
            "rate": round(one.rate, 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
        attempt = runs.get(one.bad_in)
        if attempt is not None:
            row |= {
                "attempt": attempt.number,
                "order_seed": int(attempt.seed),
                "run": attempt.run,
                "command": command(asked, attempt, style),
            }
        return row

    return {
        "walkaway": SCHEMA,
        "hunt": {
            "id": asked.id,
            "short": asked.short,
            "args": list(asked.run.args),
            "runs": asked.runs,
            "seed": asked.seed,
            "record": look.folder,
        },
        "standing": str(look.standing),
        "ended_by": look.ended_by,
        "why": look.why,
        "code": look.code,
        "elapsed_s": round(look.elapsed_s, 3),
        "tests": found.tests,
        "ruled_out": round(ruled_out(found.whole), 4),
        "attempts": [_attempt_json(attempt) for attempt in look.attempts],
        "flaky": [case(one) for one in found.flaky],
        "failing": [case(one) for one in found.failing],
        "unsteady": [case(one) for one in found.unsteady],
        "partial": [case(one) for one in found.partial],
    }


def no_hunt(start: LastStart, before: str) -> dict[str, Any]:
    """Return that the last start made no hunt.

    ``before``: the four digits of the hunt before it.
    """
    return {
        "walkaway": SCHEMA,
        "last_start": {**asdict(start), "before": before or None},
        "hunt": None,
        "standing": str(start.stage),
        "code": start.code,
    }


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    data = asdict(attempt)
    row = {name: data[name] for name in data if name not in {"letters", "mixed", "seed"}}
    return row | {"order_seed": int(attempt.seed), "whole": attempt.whole}
