"""evidence.json: what the engine reported about a run's containers before they were removed.

Facts only. Each pass is written by whoever saw its end: the run's supervisor, `down`, or a look
at a run that no longer has a supervisor.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from walkaway.model import event_kinds, journal_kinds

NAME = "evidence.json"
_OVER = frozenset({"exited", "dead"})
_HEAD_BYTES = 256 * 1024


def facts(number: int, container: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row for a pass: its container's name and what the engine reports about it.

    The entrypoint is left out: its arguments may contain a secret.
    """
    row = {key: value for key, value in state.items() if key != "entrypoint"}
    return {"pass": number, "container": container, **row}


def write(record: str, known: Mapping[str, Any]) -> None:
    """Store one container's facts beside those of other passes. Errors are ignored."""
    rows = [row for row in _rows(record) if row.get("pass") != known["pass"]]
    path = os.path.join(record, NAME)
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"schema": 1, "passes": [*rows, dict(known)]}, file, indent=1)
            file.write("\n")
        os.replace(temporary, path)
    except OSError:
        return


def of_pass(record: str, number: int) -> dict[str, Any]:
    """Return the facts of a pass's container if it ran and has ended; else an empty dict."""
    for row in _rows(record):
        if row.get("pass") == number and row.get("status") in _OVER and row.get("started_at"):
            return row
    return {}


def of_last_pass(record: str) -> dict[str, Any]:
    """Return the facts of the last pass's container if it ran and has ended; else an empty dict."""
    return of_pass(record, last_pass(record)) if os.path.exists(os.path.join(record, NAME)) else {}


def last_pass(record: str) -> int:
    """Return the number (from 1) of the last pass that supervisor or recorder wrote down."""
    from walkaway.model import events  # imported here: the supervisor must stay small
    from walkaway.record import reader

    numbers = [1]
    for name, kind in (
        ("supervisor.jsonl", journal_kinds.SPAWNED),
        ("events.jsonl", event_kinds.LOADED),
    ):
        head = events.parse(reader.head(Path(record, name), _HEAD_BYTES))
        numbers += [events.whole(event, "pass", 1) for event in head if event["e"] == kind]
    return max(numbers)


def _rows(record: str) -> list[dict[str, Any]]:
    try:
        with open(os.path.join(record, NAME), encoding="utf-8") as file:
            rows = json.load(file)["passes"]
        return [row for row in rows if isinstance(row, dict)]
    except (OSError, ValueError, KeyError, TypeError):
        return []
