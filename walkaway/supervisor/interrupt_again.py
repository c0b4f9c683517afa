"""Detect an INT that a test swallowed (an async test may handle it), so the run goes on."""

from __future__ import annotations

import os

from walkaway.model import event_kinds

_READ_BYTES = 256 * 1024


def _beginnings(*kinds: str) -> tuple[bytes, ...]:
    return tuple(b'{"e":"%b"' % kind.encode() for kind in kinds)


_TESTS = _beginnings(event_kinds.TEST_STARTED, event_kinds.TEST_FINISHED)
_HANDLED = _beginnings(
    event_kinds.INTERRUPTED, event_kinds.DRAINING, event_kinds.SESSION_FINISHED, event_kinds.END
)
"""Events by which the recorder shows that pytest has handled the INT."""


class UsedUp:
    """Follows a run's events after an INT."""

    def __init__(self, events_fd: int) -> None:
        self._fd = events_fd
        self._offset = 0
        self._handled = False

    def begin(self) -> None:
        """Start following: INT is about to be sent."""
        self._offset = os.fstat(self._fd).st_size
        self._handled = False

    def look(self) -> bool:
        """Return whether tests went on since the last call and no event shows INT was handled."""
        size = os.fstat(self._fd).st_size
        start = max(self._offset, size - _READ_BYTES)
        lines = os.pread(self._fd, size - start, start).split(b"\n")
        self._offset = size
        self._handled = self._handled or any(line.startswith(_HANDLED) for line in lines)
        return not self._handled and any(line.startswith(_TESTS) for line in lines)
