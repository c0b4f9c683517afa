"""Read a record's files: a bounded part for status commands, everything for the verdict."""

from __future__ import annotations

import heapq
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from walkaway.model import event_kinds, events
from walkaway.model.events import Event

TAIL_BYTES = 192 * 1024
"""Reaches back past one checkpoint (written every 64 KB) even when lines are long."""
FAILURES_BYTES = 4 * 1024 * 1024
_ID_BYTES = 64 * 1024
_SPARE_BYTES = 1024 * 1024
_OPENING = frozenset({event_kinds.LOADED, event_kinds.CONFIGURED, event_kinds.RUN_LOOP})
_TOTALS = frozenset({event_kinds.CHECKPOINT, event_kinds.END})


def tail(path: Path, size_bytes: int = TAIL_BYTES) -> bytes:
    """Return the last ``size_bytes`` of a file; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            file.seek(max(0, length - size_bytes))
            return file.read(size_bytes)
    except OSError:
        return b""


def head(path: Path, size_bytes: int) -> bytes:
    """Return the first ``size_bytes`` of a file; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size_bytes)
    except OSError:
        return b""


def recent_events(path: Path) -> list[Event]:
    """Return a run's opening events and then its last ones, from a bounded part of the file.

    A checkpoint carries all counters, so folding these gives the same state as folding all events.
    """
    first = head(path, 16 * 1024)
    last = tail(path)
    try:
        length = path.stat().st_size
    except OSError:
        return []
    spare = spared(path)
    if length <= len(last):
        return _merged(list(events.parse(last)), spare)
    recent = list(_from_checkpoint(list(events.parse(last))))
    since = events.number(recent[0], "t") if recent else 0.0
    later = [event for event in spare if events.number(event, "t") > since]
    return _opening(list(events.parse(first))) + _merged(recent, later)


def _opening(found: list[Event]) -> list[Event]:
    """Return the events that no checkpoint repeats: load, configuration, first test start."""
    begun = [event for event in found if event["e"] == event_kinds.TEST_STARTED][:1]
    return [event for event in found if event["e"] in _OPENING] + begun


def _from_checkpoint(found: list[Event]) -> Iterator[Event]:
    marks = [i for i, event in enumerate(found) if event["e"] in _TOTALS]
    return iter(found[marks[0] :] if marks else found)


def spared(path: Path) -> list[Event]:
    """Return the lines that went to events.spare because ``path`` could not take them.

    Events and failures share that file; see the recorder's `spare.py`.
    """
    kept = {"events.jsonl": False, "failures.jsonl": True}.get(path.name)
    data = head(path.with_name("events.spare"), _SPARE_BYTES).rstrip(b"\0")
    return [event for event in events.parse(data) if (event["e"] == event_kinds.FAILURE) is kept]


def _merged(found: list[Event], spare: list[Event]) -> list[Event]:
    """Merge the events of both files in order of time."""
    if not spare:
        return found
    merged = heapq.merge(_timed(found), _timed(spare), key=lambda pair: pair[0])
    return [event for _, event in merged]


def _timed(found: list[Event]) -> Iterator[tuple[float, Event]]:
    latest = 0.0
    for event in found:
        latest = max(latest, events.number(event, "t"))  # an emergency end event has no time
        yield latest, event


def all_events(path: Path) -> Iterator[Event]:
    """Yield every event of a file in order of time; streams unless there are spare lines."""
    spare = spared(path)
    found = _lines(path)
    yield from _merged(list(found), spare) if spare else found


def _lines(path: Path) -> Iterator[Event]:
    try:
        with path.open("rb") as file:
            for line in file:
                event = events.parse_line(line)
                if event is not None:
                    yield event
    except OSError:
        return


def outcome(folder: Path) -> dict[str, Any] | None:
    """Return the contents of outcome.json, or None when there is no valid one."""
    try:
        data = json.loads((folder / "outcome.json").read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and isinstance(data.get("outcome"), str) else None


def ids(folder: Path) -> list[str]:
    """Return all collected node ids in order."""
    try:
        data = (folder / "collected.txt").read_bytes()
    except OSError:
        return []
    return [decode_id(line) for line in data.split(b"\n")[:-1]]


def decode_id(line: bytes) -> str:
    """Return the node id in a line of collected.txt; ids with odd characters are JSON strings."""
    text = line.decode("utf-8", "surrogateescape")
    if text.startswith('"'):
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return str(value)
    return text


class Ids:
    """Looks up single node ids by index through collected.idx, without reading the rest."""

    def __init__(self, folder: Path) -> None:
        self._text = folder / "collected.txt"
        self._index = folder / "collected.idx"

    def __getitem__(self, index: int) -> str:
        """Return the id of test ``index``; `test #7` style text when it cannot be read."""
        try:
            with self._index.open("rb") as file:
                file.seek(index * 8)
                raw = file.read(8)
            (offset,) = struct.unpack("<Q", raw)
            with self._text.open("rb") as file:
                file.seek(offset)
                line = file.readline(_ID_BYTES)
        except (OSError, struct.error, ValueError):
            return f"test #{index}"
        return decode_id(line.rstrip(b"\n"))


def log_lines(path: Path, lines: int) -> list[str]:
    """Return the last lines of the log. Reads at most its last 4 MB."""
    data = tail(path, min(4 * 1024 * 1024, 64 * 1024 + 400 * lines)).replace(b"\0", b"")
    found = data.decode("utf-8", "replace").splitlines()
    return found[-lines:] if lines else []
