"""Detect stalls: no event while the whole process tree is idle.

Silence with a busy tree is only journaled, never ended.
"""

from __future__ import annotations

from walkaway.model import journal_kinds
from walkaway.process.process_tree import Family
from walkaway.record.journal import Journal

_IDLE_CORES = 0.05
_FIRST_NOTE_S = 30.0


class Silence:
    """Watches the size of the events file and the tree's CPU time. Times are journal seconds."""

    def __init__(self, family: Family, journal: Journal, stall_s: float) -> None:
        self._family = family
        self._journal = journal
        self._stall_s = stall_s
        self._size = -1
        self._last_event = journal.now()
        self._last_busy = self._last_event
        self._sampled: tuple[float, float] | None = None
        self._journal_at_s = _FIRST_NOTE_S
        self._asked = 0.0

    def begin(self) -> None:
        """Count silence from now: pytest starts."""
        self._last_event = self._last_busy = self._journal.now()

    @property
    def silent_s(self) -> float:
        """The seconds since the last event."""
        return self._journal.now() - self._last_event

    def check(self, events_size: int) -> bool:
        """Check once; return True when silence and idleness have lasted for the stall time.

        The next True comes no sooner than another stall time later: the caller first looks up
        whether the tests in flight usually take that long.
        """
        now = self._journal.now()
        if events_size != self._size:
            self._size = events_size
            self._last_event = self._last_busy = now
            self._sampled = None
            self._journal_at_s = _FIRST_NOTE_S
            self._asked = 0.0
            return False
        silent = now - self._last_event
        watch_from = min(_FIRST_NOTE_S, self._stall_s / 4) if self._stall_s else _FIRST_NOTE_S
        if silent < watch_from:
            return False
        self._sample(now, silent)
        if not self._stall_s:
            return False
        idle = now - max(self._last_busy, self._asked)
        if silent >= self._stall_s and idle >= self._stall_s:
            self._asked = now
            return True
        return False

    def _sample(self, now: float, silent: float) -> None:
        every = max(0.5, min(5.0, self._stall_s / 20 or 5.0))
        if self._sampled is None:
            self._sampled = (now, self._family.work()[0])
            return
        before, used = self._sampled
        if now - before < every:
            return
        total, wanting = self._family.work()
        cores = max(0.0, total - used) / (now - before)
        self._sampled = (now, total)
        if wanting or cores > _IDLE_CORES:
            self._last_busy = now
        if silent >= self._journal_at_s:
            self._journal.write(
                journal_kinds.SILENT, **{"for": round(silent), "busy": round(cores, 2)}
            )
            self._journal_at_s *= 2
