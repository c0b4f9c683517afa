"""Detect a process that stays after pytest's end: a thread, child or exit hook keeps it open."""

from __future__ import annotations

import json
import os
from typing import Any

from walkaway.model import event_kinds
from walkaway.process.process_tree import Family
from walkaway.record.journal import Journal

_END_BYTES = 64 * 1024
_LOOK_S = 1.0
_NOTICE_S = 3.0
"""How long it may stay idle before that is journaled."""
_IDLE_CORES = 0.05
_UNSEEN = 10
"""The limit is this many times longer where the processes are invisible: idle looks like busy."""


class Lingering:
    """Watches the run once the recorder's end is its last event. Times are journal seconds."""

    def __init__(self, family: Family, journal: Journal, events_fd: int, linger_s: float) -> None:
        self._family = family
        self._journal = journal
        self._fd = events_fd
        self._linger_s = linger_s
        self._size = -1
        self._next = 0.0
        self._ended = False
        self._idle_since = 0.0
        self._sampled: tuple[float, float] | None = None
        self.noticed = False
        """It has stayed idle long enough to be reported."""

    def begin(self) -> None:
        """Begin a pass: the end of the one before it is not its own."""
        self._size, self._next = os.fstat(self._fd).st_size, float("inf")
        self._ended = self.noticed = False

    def check(self) -> str:
        """Return `new` when first noticed, `over` when idle for too long, else an empty string."""
        now = self._journal.now()
        size = os.fstat(self._fd).st_size
        if size != self._size:
            self._size, self._next = size, now + _LOOK_S
            self._ended = self.noticed = False
            return ""
        if now < self._next:
            return ""
        self._next = now + _LOOK_S
        if not self._ended:
            self._ended = bool(last_event(self._fd, event_kinds.END))
            self._next = now + _LOOK_S if self._ended else float("inf")
            self._idle_since, self._sampled = now, None
        if self._ended and self._is_idle(now):
            idle = now - self._idle_since
            if not self.noticed and idle >= _NOTICE_S:
                self.noticed = True
                return "new"
            if self._linger_s and idle >= self._linger_s * (_UNSEEN if self._unseen else 1):
                return "over"
        return ""

    @property
    def _unseen(self) -> bool:
        return self._family.apart and self._family.main is None

    def _is_idle(self, now: float) -> bool:
        """Measure CPU use: a process that still works, as a report writer does, is left alone."""
        if self._unseen:
            return True
        total, wanting = self._family.work()
        if self._sampled is not None:
            before, used = self._sampled
            if wanting or total - used > _IDLE_CORES * (now - before):
                self._idle_since = now
        self._sampled = now, total
        return self._idle_since < now


def last_event(fd: int, kind: str) -> dict[str, Any]:
    """Return the event in the last line if it is of this kind; else an empty dict."""
    size = os.fstat(fd).st_size
    line = os.pread(fd, _END_BYTES, max(0, size - _END_BYTES)).rstrip(b"\n").split(b"\n")[-1]
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) and event.get("e") == kind else {}
