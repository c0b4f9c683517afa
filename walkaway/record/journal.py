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

    def now(self) -> float:
        """Return the seconds since the run's start."""
        return clock.boot_s() - self._epoch_s

    def write(self, kind: str, /, **values: object) -> None:
        """Append one event as one line. Errors are ignored."""
        event = {"e": kind, "t": round(self.now(), 3), **values}
        line = json.dumps(event, separators=(",", ":"), default=str) + "\n"
        with contextlib.suppress(OSError):
            os.write(self.fd, line.encode(errors="replace"))
