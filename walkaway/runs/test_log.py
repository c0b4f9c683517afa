"""Collect one test's log from a record: its own lines, and the services' lines on its requests.

Only parts of the log files are read: the test's own through the index beside them, the services'
by time. Ids and events are read through once, as `results` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.model import causes, event_kinds, events, exit_codes, log_lines, test_key
from walkaway.model.log_lines import Line
from walkaway.model.test_log import Execution, LogOfTest
from walkaway.record import reader, time_window
from walkaway.record.store import Record

SERVICES = "services.log"
OWN_BYTES = 4 << 20
"""How much of a test's own log is read at most; its end is read."""
SERVICES_BYTES = 32 << 20
"""How much of the services' log around a test's requests is read at most."""
BEFORE_S, AFTER_S = 3.0, 10.0
"""Seconds added to a test's time: clocks differ a little, and a service may finish after it."""
TICK_S = 0.001
"""Events have times in milliseconds, log lines in microseconds."""
_INDEX_BYTES = 64 << 20
_BLOCK_BYTES = 4 << 20
_SHOWN = 6
Live = Callable[[float, float], str]
"""(since, until), in seconds since the epoch → the services' log lines from their containers."""


def choose(names: Sequence[str], part: str, run: str) -> int:
    """Return the index of the one node id that equals ``part`` or contains it.

    Raises `WalkawayError` 66 when none does, 64 when several do or ``part`` is empty.
    """
    if not part:
        message = "--test is empty. Give a node id, or a part of one."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    exact = [index for index, name in enumerate(names) if name == part]
    found = exact or [index for index, name in enumerate(names) if part in name]
    if len(found) == 1:
        return found[0]
    if not found:
        message = f"Run {run} has no test {part!r}.\nList its tests: inv results --run {run}"
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN)
    shown = "".join(f"  {names[index]}\n" for index in found[:_SHOWN])
    more = f"  + {len(found) - _SHOWN:,} more\n" if len(found) > _SHOWN else ""
    message = f"{part!r} matches {len(found):,} tests:\n{shown}{more}Give more of the node id."
    raise WalkawayError(message, exit_codes.WRONG_USE)


def read(record: Record, part: str, now_s: float, live: Live | None = None) -> LogOfTest:
    """Return the story of the test that ``part`` names.

    ``now_s``: the run's age in seconds, used as the end time of tests in flight. ``live`` asks the
    services' containers if the record does not hold their log yet. Raises as `choose` does.
    """
    run = record.run()
    names = reader.ids(record.folder)
    index = choose(names, part, run.short)
    nodeid = names[index]
    own, unread, files = _own(record.folder, nodeid)
    all_flights = _flights(record.path("events.jsonl"), index, now_s)
    flights = tuple(_reaching(flight, [line.at_s for line in own]) for flight in all_flights)
    prefix = test_key.prefix(run.id, nodeid)
    spans = [(flight.since_s, flight.until_s) for flight in flights]
    services: list[Line] = []
    for since, until in _joined([(a - BEFORE_S, b + AFTER_S) for a, b in spans]):
        bounds = run.created_s + since, run.created_s + until
        raw, cut = _services(record, prefix, bounds, live)
        services += [
            line
            for row in raw
            if (line := log_lines.of_service(row, prefix, run.created_s)) is not None
        ]
        if cut:
            unread.append(cut)
    if record.path(SERVICES).exists():
        files.append(str(record.path(SERVICES)))
    lines = tuple(log_lines.merged([*own, *services]))
    messages, traced = _failures(record, index)
    return LogOfTest(
        nodeid, flights, lines, tuple(dict.fromkeys(unread)), tuple(files), messages, traced
    )


def _failures(record: Record, index: int) -> tuple[tuple[str, ...], bool]:
    """Return a test's failure messages without a traceback, and whether other failures have one."""
    head = reader.head(record.path("failures.jsonl"), reader.FAILURES_BYTES)
    found = [entry for entry in events.parse(head) if entry.get("i") == index]
    bare = [entry for entry in found if causes.is_bare(entry)]
    texts = (": ".join(filter(None, (events.text(e, "type"), events.text(e, "msg")))) for e in bare)
    return tuple(dict.fromkeys(texts)), len(bare) < len(found)


def _services(
    record: Record, prefix: str, bounds: tuple[float, float], live: Live | None
) -> tuple[list[bytes], str]:
    """Return the services' lines within ``bounds`` that have ``prefix``, and what is missing."""
    path = record.path(SERVICES)
    if path.exists():
        found, cut = time_window.holding(
            path, prefix.encode(), log_lines.time_of, bounds, SERVICES_BYTES
        )
        why = f"{path.name}: more than {SERVICES_BYTES >> 20} MB in the test's time"
        return found, why if cut else ""
    if live is None:
        return [], ""
    try:
        text = live(*bounds)
    except WalkawayError as error:
        return [], f"the services' containers: {error.message.splitlines()[0]}"
    return [line.encode() for line in text.splitlines() if prefix in line], ""


def _own(folder: Path, nodeid: str) -> tuple[list[Line], list[str], list[str]]:
    """Return a test's own log lines, notes on what was left out, and the files they are from."""
    lines: list[Line] = []
    unread: list[str] = []
    files: list[str] = []
    for path in sorted(folder.glob("logs-*.jsonl")):
        found = 0
        for start, end in _slices(path, nodeid):
            if end - start > OWN_BYTES:
                unread.append(
                    f"{path.name}: {(end - start - OWN_BYTES) / 1e6:.1f} MB of earlier lines"
                )
                start = end - OWN_BYTES  # noqa: PLW2901 - the end tells how it went on
            data = _part(path, start, end)
            read_lines = [log_lines.of_test(row, nodeid) for row in data.split(b"\n")]
            lines += [line for line in read_lines if line is not None]
            found += end > start
        if found:
            files.append(str(path))
    return lines, unread, files


def _slices(path: Path, nodeid: str) -> Iterator[tuple[int, int]]:
    """Yield the byte ranges of a worker's log file that belong to a test, from its index."""
    index = reader.head(path.with_suffix(".idx"), _INDEX_BYTES)
    mark, size = test_key.mark(nodeid), test_key.ENTRY.size
    position = index.find(mark)
    while position >= 0:
        if position % size == 0 and position + size <= len(index):
            start = test_key.ENTRY.unpack_from(index, position)[1]
            after = position + size
            if after + size <= len(index):
                end = test_key.ENTRY.unpack_from(index, after)[1]
            else:
                end = path.stat().st_size
            yield start, end
        position = index.find(mark, position + 1)


def _part(path: Path, start: int, end: int) -> bytes:
    try:
        with path.open("rb") as file:
            return os.pread(file.fileno(), max(0, end - start), start)
    except OSError:
        return b""


def _flights(path: Path, index: int, now_s: float) -> Iterator[Execution]:
    """Yield the spans in which the test ran, from its own events only."""
    begun: dict[str, float] = {}
    for event in _events_of(path, index):
        worker = events.text(event, "w")
        if event["e"] == event_kinds.TEST_STARTED:
            begun[worker] = events.number(event, "t")
        elif event["e"] == event_kinds.TEST_FINISHED:
            until = events.number(event, "t")
            since = begun.pop(worker, until)
            yield Execution(since, until, events.text(event, "r"), worker)
    for worker, since in begun.items():
        yield Execution(since, max(since, now_s), "", worker)


def _reaching(flight: Execution, lines_s: list[float]) -> Execution:
    """Return a test's span, extended to its own log lines within 1 ms of it."""
    near = [t for t in lines_s if flight.since_s - TICK_S <= t <= flight.until_s + TICK_S]
    since_s, until_s = min([flight.since_s, *near]), max([flight.until_s, *near])
    return replace(flight, since_s=since_s, until_s=until_s)


def _events_of(path: Path, index: int) -> Iterator[events.Event]:
    """Yield the events of one test; the others are not even parsed."""
    needles = (b'"i":%d,' % index, b'"i":%d}' % index)
    try:
        with path.open("rb") as file:
            rest = b""
            while data := file.read(_BLOCK_BYTES):
                whole, newline, rest = (rest + data).rpartition(b"\n")
                block = whole + newline
                places: set[int] = set()
                for needle in needles:
                    place = block.find(needle)
                    while place >= 0:
                        places.add(block.rfind(b"\n", 0, place) + 1)
                        place = block.find(needle, place + 1)
                for start in sorted(places):
                    event = events.parse_line(block[start : block.find(b"\n", start)])
                    if event is not None and event.get("i") == index:
                        yield event
    except OSError:
        return


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the spans in order, with overlapping ones merged."""
    found: list[tuple[float, float]] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found
