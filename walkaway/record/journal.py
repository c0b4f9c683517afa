"""supervisor.jsonl: what the supervisor did and saw. A failed write never harms a run."""

from __future__ import annotations

import contextlib
import json
import os

from walkaway.process import clock


class Journal:
    """Appends events to supervisor.jsonl; `t` is in seconds since the run's start."""

    def __init__(self, fd: int, epoch_s: float) -> None:
        self.fd = fd
        self._epoch_s = epoch_s
        #: An earlier supervisor was killed within a line: ours must not be read as its rest.
        self._torn = _is_torn(fd)

    def now(self) -> float:
        """Return the seconds since the run's start."""
        return clock.boot_s() - self._epoch_s

    def write(self, kind: str, /, **values: object) -> None:
        """Append one event as one line. Errors are ignored."""
        event = {"e": kind, "t": round(self.now(), 3), **values}
        line = json.dumps(event, separators=(",", ":"), default=str) + "\n"
        if self._torn:
            line, self._torn = f"\n{line}", False
        with contextlib.suppress(OSError):
            os.write(self.fd, line.encode(errors="replace"))


def _is_torn(fd: int) -> bool:
    """Tell whether a file ends within a line. ``fd`` must be readable."""
    with contextlib.suppress(OSError):
        size = os.fstat(fd).st_size
        return size > 0 and os.pread(fd, 1, size - 1) != b"\n"
    return False
