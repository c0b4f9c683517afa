"""Detect an INT that a test swallowed (an async test may handle it), so the run goes on."""

from __future__ import annotations

import os

_READ_BYTES = 256 * 1024
_TESTS = (b'{"e":"s"', b'{"e":"f"')
_HEARD = (b'{"e":"ki"', b'{"e":"drain"', b'{"e":"finish"', b'{"e":"end"')
"""Events by which the recorder shows that pytest has handled the INT."""


class UsedUp:
    """Follows a run's events after an INT."""

    def __init__(self, events_fd: int) -> None:
        self._fd = events_fd
        self._offset = 0
        self._heard = False

    def begin(self) -> None:
        """Start following: INT is about to be sent."""
        self._offset = os.fstat(self._fd).st_size
        self._heard = False

    def look(self) -> bool:
        """Return whether tests went on since the last call and no event shows INT was handled."""
        size = os.fstat(self._fd).st_size
        start = max(self._offset, size - _READ_BYTES)
        lines = os.pread(self._fd, size - start, start).split(b"\n")
        self._offset = size
        self._heard = self._heard or any(line.startswith(_HEARD) for line in lines)
        return not self._heard and any(line.startswith(_TESTS) for line in lines)
