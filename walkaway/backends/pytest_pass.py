"""Start one pass of pytest: its environment and argv. A run has one pass, seldom more."""

from __future__ import annotations

import json
import os
from typing import Any

from walkaway.process.children import spawn

_LIBRARY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECORDER = os.path.join(_LIBRARY, "recorder")
_FOREIGN = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTEST_TIMEOUT")
"""Variables that must not reach pytest, for the reasons given in `process/detach.py`."""


def start(run: dict[str, Any], record: str, number: int, log_fd: int) -> int:
    """Start pass ``number`` (from 1) of a run; return pytest's PID. Raises `SpawnError`."""
    environ = _environ(run, record, number)
    argv = list(run["argv"])
    if number > 1 and any(word.startswith("--cov") for word in argv):
        argv.insert(argv.index("walkaway_recorder") + 1 if "walkaway_recorder" in argv else 1,
                    "--cov-append")  # fmt: skip
    return spawn(argv, environ, run["cwd"], log_fd)


def _environ(run: dict[str, Any], record: str, number: int) -> dict[str, str]:
    environ = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
    paths = [RECORDER, environ["PYTHONPATH"]] if environ.get("PYTHONPATH") else [RECORDER]
    environ["PYTHONPATH"] = os.pathsep.join(paths)
    environ["WALKAWAY_RUN"] = environ["WALKAWAY_RECORD"] = record
    environ["WALKAWAY_EPOCH"] = repr(run["started_boot"])
    environ["WALKAWAY_PASS"] = str(number)
    select = f"select-{number}.txt" if number > 1 else run.get("select")
    if select:
        environ["WALKAWAY_SELECT"] = os.path.join(record, select)
    if run.get("order_seed"):
        environ["WALKAWAY_ORDER"] = run["order_seed"]
        # The order of sets is random too; with the seed, whatever depends on it is repeatable.
        environ.setdefault("PYTHONHASHSEED", run["order_seed"])
    if number > 1:
        # Coverage data written at pytest's end would overwrite the first pass's.
        environ.setdefault("COVERAGE_FILE", os.path.join(record, f".coverage-pass-{number}"))
    return environ


def spawned(fd: int, kind: str = "spawn") -> list[dict[str, Any]]:
    """Return the passes recorded in an open events file, oldest first: pid, start, pass, t.

    ``kind`` is `spawn` for the supervisor's journal, `loaded` for the recorder's events.
    """
    found = []
    for line in os.pread(fd, 1 << 20, 0).split(b"\n"):
        if line.startswith(b'{"e":"%b"' % kind.encode()):
            try:
                event = json.loads(line)
                found.append({name: event[name] for name in ("pid", "start", "pass", "t")})
            except (ValueError, KeyError):
                continue
    return found
