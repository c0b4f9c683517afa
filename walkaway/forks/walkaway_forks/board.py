"""Memory shared by the parent and its workers: who runs what since when, and whether to stop.

A worker writes its entry before a test, so the parent knows what was in flight when it dies.
"""

from __future__ import annotations

import mmap
import struct
from typing import NamedTuple, Optional

from walkaway_forks.chunks import Chunk

_SLOT = struct.Struct("<iid")
_SIZE = 32
_NONE = -1


class Entry(NamedTuple):
    """What a worker is doing."""

    test: int
    """Index of the test in flight; -1 when there is none."""
    stop: int
    """Where its chunk ends (exclusive)."""
    since_s: float
    """When the test began, in seconds on the monotonic clock."""

    @property
    def rest(self) -> Optional[Chunk]:
        """The part of the chunk after the test in flight."""
        return Chunk(self.test + 1, self.stop) if 0 <= self.test < self.stop - 1 else None


class Board:
    """One slot per worker. A slot is never used twice."""

    def __init__(self, slots: int) -> None:
        # One slot more than workers: byte 0 of the first says whether to stop.
        self._map = mmap.mmap(-1, _SIZE * (slots + 1))
        self._write = _SLOT.pack_into
        for slot in range(slots):
            self.put(slot, _NONE, _NONE, 0.0)

    def put(self, slot: int, test: int, stop: int, since_s: float) -> None:
        """Record what a worker is doing."""
        self._write(self._map, _SIZE * (slot + 1), test, stop, since_s)

    def get(self, slot: int) -> Entry:
        """Return what a worker recorded last."""
        return Entry(*_SLOT.unpack_from(self._map, _SIZE * (slot + 1)))

    def stop(self) -> None:
        """Make every worker end before its next test."""
        self._map[0] = 1

    @property
    def stopped(self) -> bool:
        """Whether workers should end before their next test."""
        return self._map[0] != 0

    def close(self) -> None:
        """Release the memory."""
        self._map.close()
