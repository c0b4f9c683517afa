"""Start one pass of pytest: its environment and argv. A run has one pass, seldom more."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from walkaway.model import journal_kinds, pass_setup
from walkaway.model.run import Run
from walkaway.process.children import spawn

_LIBRARY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECORDER = os.path.join(_LIBRARY, "recorder")
_FOREIGN = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTEST_TIMEOUT")
"""Variables that must not reach pytest, for the reasons given in `process/detach.py`."""


def start(run: Run, record: str, number: int, log_fd: int) -> int:
    """Start pass ``number`` (from 1) of a run; return pytest's PID. Raises `SpawnError`."""
    environ = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
    paths = [RECORDER, environ["PYTHONPATH"]] if environ.get("PYTHONPATH") else [RECORDER]
    environ["PYTHONPATH"] = os.pathsep.join(paths)
    environ.update(pass_setup.variables(run, record, number))
    environ = {**pass_setup.defaults(run, record, number), **environ}
    return spawn(pass_setup.argv(run, number), environ, run.cwd, log_fd)


class Spawned(NamedTuple):
    """A pass whose pytest was started, as an event says."""

    number: int
    pid: int
    start: int
    """Start time of the process, in clock ticks since boot."""
    t: float
    """Seconds since the run's start."""


def spawned(fd: int, kind: str = journal_kinds.SPAWNED) -> list[Spawned]:
    """Return the passes recorded in an open events file, oldest first.

    ``kind`` is `spawn` for the supervisor's journal, `loaded` for the recorder's events.
    """
    found = []
    for line in os.pread(fd, 1 << 20, 0).split(b"\n"):
        if line.startswith(b'{"e":"%b"' % kind.encode()):
            try:
                event = json.loads(line)
                found.append(Spawned(event["pass"], event["pid"], event["start"], event["t"]))
            except (ValueError, KeyError):
                continue
    return found
