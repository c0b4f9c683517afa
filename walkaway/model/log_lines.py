"""Log lines of a test and of the services it called, on one time axis. Pure.

A service's line is a JSON object with `time`, `service`, `request_id`, `message`, alone or after
Compose's prefix (`gateway-1  | 2026-11-22T10:15:30.123456789Z `).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

TEST = "test"
_COMPOSE = re.compile(
    rb"^(?:\x1b\[[\d;]*[A-Za-z])*([\w.-]+?)(?:-\d+)? +\| (?:\x1b\[[\d;]*m)?"
    rb"(\d{4}-\d\d-\d\dT[\d:.]+Z?) ?"
)
_TIME = re.compile(rb'"time": ?(?:"([^"]{8,40})"|(\d+(?:\.\d+)?))')


@dataclass(frozen=True, slots=True)
class Line:
    """One log line. ``at_s``: seconds since the run's start."""

    at_s: float
    source: str
    """`test`, or the service's name."""
    level: str
    message: str
    logger: str = ""
    request_id: str = ""
    phase: str = ""
    worker: str = ""
    attempt: int = 0
    trace: str = ""
    ms: float | None = None


def of_test(raw: bytes, nodeid: str) -> Line | None:
    """Parse a line written by the tests' process; None when it is torn or another test's."""
    row = _object(raw)
    if row is None or row.get("node") != nodeid:
        return None
    return Line(
        at_s=_number(row.get("t")) or 0.0,
        source=TEST,
        level=_text(row, "level"),
        message=_text(row, "message"),
        logger=_text(row, "logger"),
        request_id=_text(row, "request_id"),
        phase=_text(row, "phase"),
        worker=_text(row, "worker"),
        attempt=int(_number(row.get("attempt")) or 0),
        trace=_text(row, "exc"),
    )


def of_service(raw: bytes, prefix: str, zero_s: float) -> Line | None:
    """Parse a service's line on a request whose id begins with ``prefix``; None for others.

    ``zero_s``: the run's start in seconds since the epoch.
    """
    row, service = _object(raw), ""
    if row is None:
        head = _COMPOSE.match(raw)
        row = _object(raw[head.end() :]) if head else None
        service = head.group(1).decode(errors="replace") if head else ""
    if row is None or not _text(row, "request_id").startswith(prefix):
        return None
    when = time_of(raw)
    return Line(
        at_s=0.0 if when is None else when - zero_s,
        source=_text(row, "service") or service or "service",
        level=_text(row, "level"),
        message=_text(row, "message"),
        logger=_text(row, "logger"),
        request_id=_text(row, "request_id"),
        trace=_text(row, "exception") or _text(row, "exc"),
        ms=_number(row.get("ms")),
    )


def time_of(raw: bytes) -> float | None:
    """Return when a service's line was written, in seconds since the epoch; None if unknown."""
    head = _COMPOSE.match(raw)
    if head:
        return _seconds(head.group(2).decode())
    found = _TIME.search(raw, 0, 2000)
    if found is None:
        return None
    return float(found.group(2)) if found.group(2) else _seconds(found.group(1).decode("latin-1"))


def in_order(text: str) -> str:
    """Sort Compose's lines, which come by container, by time.

    A line without a time stays after the line before it.
    """
    latest, keyed = 0.0, []
    for line in text.splitlines(keepends=True):
        when = time_of(line[:200].encode(errors="replace"))
        latest = latest if when is None else when
        keyed.append((latest, line))
    keyed.sort(key=lambda row: row[0])
    return "".join(line for _, line in keyed)


def merged(lines: Iterable[Line]) -> list[Line]:
    """Return the lines by time; those with equal times keep their order."""
    return sorted(lines, key=lambda line: line.at_s)


def _seconds(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _object(raw: bytes) -> Mapping[str, Any] | None:
    if not raw.startswith(b"{"):
        return None
    try:
        row = json.loads(raw)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
