"""Whether INT was used up: by a test that handles it, as an async one may, and the run goes on."""

from __future__ import annotations

import os

_READ_BYTES = 256 * 1024
_TESTS = (b'{"e":"s"', b'{"e":"f"')
_HEARD = (b'{"e":"ki"', b'{"e":"drain"', b'{"e":"finish"', b'{"e":"end"')
"""The recorder's words for pytest's having heard it."""


class UsedUp:
    """Follows a run's events from a first INT on."""

    def __init__(self, events_fd: int) -> None:
        self._fd = events_fd
        self._offset = 0
        self._heard = False

    def begin(self) -> None:
        """INT is sent: what comes from now on tells whether it was heard."""
        self._offset = os.fstat(self._fd).st_size
        self._heard = False

    def look(self) -> bool:
        """Tell whether tests went on since the last call, and nothing said that INT was heard."""
        size = os.fstat(self._fd).st_size
        start = max(self._offset, size - _READ_BYTES)
        lines = os.pread(self._fd, size - start, start).split(b"\n")
        self._offset = size
        self._heard = self._heard or any(line.startswith(_HEARD) for line in lines)
        return not self._heard and any(line.startswith(_TESTS) for line in lines)
