"""Memory that the parent and its workers share: who runs what since when, and whether to stop.

Written by a worker before a test, so that the parent knows what was in flight when it dies.
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
    """What a worker is at."""

    test: int
    """Index of the one in flight; -1 when there is none."""
    stop: int
    """Where its chunk ends."""
    since_s: float
    """On the monotonic clock."""

    @property
    def rest(self) -> Optional[Chunk]:
        """What is left of the chunk behind the test in flight."""
        return Chunk(self.test + 1, self.stop) if 0 <= self.test < self.stop - 1 else None


class Board:
    """One slot a worker; a slot is given out once and never again."""

    def __init__(self, slots: int) -> None:
        self._map = mmap.mmap(-1, _SIZE * (slots + 1))
        self._write = _SLOT.pack_into
        for slot in range(slots):
            self.put(slot, _NONE, _NONE, 0.0)

    def put(self, slot: int, test: int, stop: int, since_s: float) -> None:
        """Say what a worker is at."""
        self._write(self._map, _SIZE * (slot + 1), test, stop, since_s)

    def get(self, slot: int) -> Entry:
        """Return what a worker said last."""
        return Entry(*_SLOT.unpack_from(self._map, _SIZE * (slot + 1)))

    def stop(self) -> None:
        """Have every worker end before its next test."""
        self._map[0] = 1

    @property
    def stopped(self) -> bool:
        """Whether workers are to end before their next test."""
        return self._map[0] != 0

    def close(self) -> None:
        """Give the memory back."""
        self._map.close()
