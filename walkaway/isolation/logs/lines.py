"""Format a log record as a JSON line and as text. Must not know files.

Written: the message, the traceback, and where the record was logged. Not written: the record's
arguments, its `extra`, the environment, local variables. What looks like a secret is masked.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from dataclasses import dataclass
from functools import partial

from walkaway.isolation.logs.current_test import Current
from walkaway.isolation.logs.masking import masked

_LONGEST_CHARS = 16_000
_MAIN_THREAD = "MainThread"


class Clock:
    """Time since the run's start and time of day, from a clock that nobody sets back.

    Binds the functions of `time` when created, because tests fake them.
    """

    __slots__ = ("_boot", "_epoch", "_gmtime", "_localtime", "_strftime", "_zero_s")

    def __init__(self, epoch: float | None = None, zero_s: float | None = None) -> None:
        """Count from ``epoch`` on this machine's boot clock; the time of day was ``zero_s`` then.

        Both are in seconds; by default the run starts now.
        """
        which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        self._boot = partial(time.clock_gettime, which)
        now = self._boot()
        self._epoch = now if epoch is None else epoch
        self._zero_s = time.time() - (now - self._epoch) if zero_s is None else zero_s
        self._gmtime, self._localtime, self._strftime = time.gmtime, time.localtime, time.strftime

    def since_start(self) -> float:
        """Return the seconds since the run's start, rounded to microseconds."""
        return round(self._boot() - self._epoch, 6)

    def utc(self, since_start: float) -> str:
        """Return `2026-11-22T10:15:30.123456Z`."""
        whole, micro = divmod(round((self._zero_s + since_start) * 1e6), 1_000_000)
        return f"{self._strftime('%Y-%m-%dT%H:%M:%S', self._gmtime(whole))}.{micro:06d}Z"

    def local(self, since_start: float) -> str:
        """Return `2026-11-22 10:15:30,123`, the format of logging."""
        whole, milli = divmod(round((self._zero_s + since_start) * 1e3), 1000)
        return f"{self._strftime('%Y-%m-%d %H:%M:%S', self._localtime(whole))},{milli:03d}"


@dataclass(frozen=True, slots=True)
class LogFields:
    """The parts of a record that are written."""

    since_start: float
    level: str
    logger: str
    message: str
    trace: str
    thread: str
    request_id: str


def fields_of(record: logging.LogRecord, clock: Clock, request_id: str) -> LogFields:
    """Return the parts of a record that are written, with secrets masked."""
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - an argument's __str__ may raise anything
        message = f"{record.msg!s} (its arguments do not match)"
    trace = record.exc_text or ""
    if record.exc_info and not trace:
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip()
    if record.stack_info:
        trace = f"{trace}\n{record.stack_info}".lstrip()
    thread = record.threadName or ""
    return LogFields(
        clock.since_start(),
        record.levelname,
        record.name,
        masked(_short(message)),
        masked(_short(trace)),
        "" if thread == _MAIN_THREAD else thread,
        request_id,
    )


def as_json(found: LogFields, current: Current, clock: Clock) -> bytes:
    """Return a record as one line of JSON; docs/guide/isolation.md lists its keys."""
    row: dict[str, object] = {
        "t": found.since_start,
        "time": clock.utc(found.since_start),
        "level": found.level,
        "logger": found.logger,
        "message": found.message,
        "run": current.run,
        "worker": current.worker,
    }
    if current.node:
        row.update(node=current.node, phase=current.phase, attempt=current.attempt)
    more = {"request_id": found.request_id, "thread": found.thread, "exc": found.trace}
    row.update((name, value) for name, value in more.items() if value)
    # ASCII, because UTF-8 cannot encode a lone surrogate.
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def as_text(found: LogFields, current: Current, clock: Clock) -> bytes:
    """Return a record as text: `TIME [LEVEL] LOGGER: MESSAGE  (RUN WORKER NODE PHASE)`."""
    where = f"{current.run.rpartition('-')[2]} {current.worker} {current.node} {current.phase}"
    head = f"{clock.local(found.since_start)} [{found.level}] {found.logger}: {found.message}"
    trace = f"\n{found.trace}" if found.trace else ""
    return f"{head}  ({where.rstrip()}){trace}\n".encode(errors="backslashreplace")


def _short(text: str) -> str:
    if len(text) <= _LONGEST_CHARS:
        return text
    half = _LONGEST_CHARS // 2
    left = len(text) - 2 * half
    return f"{text[:half]}… {left:,} characters left out …{text[-half:]}"
