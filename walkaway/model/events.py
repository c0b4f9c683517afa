"""Parse lines of `events.jsonl` and `supervisor.jsonl`, tolerantly: a crash may tear any line.

An event is a plain dict; docs/guide/reference.md ("Events") documents its keys. Unknown kinds
and keys are kept and garbage is dropped, so an old reader survives a new writer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

Event = dict[str, Any]


def parse_line(line: bytes) -> Event | None:
    """Return the event in a line, or None for a torn, empty or foreign line."""
    line = line.strip(b"\0 \t\r\n")
    if not line.startswith(b"{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:  # JSONDecodeError and UnicodeDecodeError
        return None
    if not isinstance(event, dict) or not isinstance(event.get("e"), str):
        return None
    return event


def parse(data: bytes) -> Iterator[Event]:
    """Yield the events in a chunk of a file, in order. A torn first or last line is dropped."""
    return (event for line in data.split(b"\n") if (event := parse_line(line)) is not None)


def last(events: Iterable[Event], kind: str) -> Event | None:
    """Return the last event of a kind, or None."""
    found = None
    for event in events:
        if event["e"] == kind:
            found = event
    return found


def number(event: Event | None, key: str, default: float = 0.0) -> float:
    """Return a number from an event; ``default`` when it is missing or not a number."""
    value = event.get(key) if event else None
    return (
        float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default
    )


def whole(event: Event | None, key: str, default: int = 0) -> int:
    """Return an integer from an event; ``default`` when it is missing or not a number."""
    return int(number(event, key, default))


def text(event: Event | None, key: str, default: str = "") -> str:
    """Return a string from an event; ``default`` when it is missing or not a string."""
    value = event.get(key) if event else None
    return value if isinstance(value, str) else default
