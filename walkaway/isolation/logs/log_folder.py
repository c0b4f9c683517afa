"""Find where this process's logs go: into the run's record, or beside the text without one.

Must know Walkaway's record only through the plugin `walkaway-place`, which its recorder registers.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from walkaway.isolation import identity
from walkaway.isolation.logs.lines import Clock

FILE = "walkaway_log_file"
LEVEL = "walkaway_log_level"
DEFAULT_FILE = "logs/tests/test-debug.log"
_FOLDER = "lines"
_SERVICES = "services.log"
_KEPT = 10
"""Number of runs without a record whose lines are kept."""


@dataclass(frozen=True, slots=True)
class LogFolder:
    """The paths and the clock of one process."""

    run: str
    """Walkaway's run id; without Walkaway, the identity's."""
    worker: str
    text: Path | None
    lines: Path
    services: Path
    """Log file of services that the tests start themselves; one for all workers."""
    clock: Clock
    recorded: bool


def of(config: pytest.Config) -> LogFolder:
    """Return where this process's logs go. Creates nothing; `prepare` does."""
    who = identity.of(config)
    named = str(config.getini(FILE)).strip()
    text = config.rootpath / named if named else None
    found: Any = config.pluginmanager.get_plugin("walkaway-place")
    if found is not None:
        folder = Path(found.folder)
        run, zero_s = _run_of(folder)
        clock = Clock(found.epoch, zero_s)
        lines = folder / f"logs-{who.worker}.jsonl"
        return LogFolder(run, who.worker, text, lines, folder / _SERVICES, clock, recorded=True)
    folder = (text or config.rootpath / DEFAULT_FILE).parent / _FOLDER
    lines, services = (folder / f"{who.run}-{name}" for name in (f"{who.worker}.jsonl", _SERVICES))
    return LogFolder(who.run, who.worker, text, lines, services, Clock(), recorded=False)


def prepare(at: LogFolder) -> None:
    """Create the folders, hidden from git: a test must not change its checkout."""
    if at.text is not None and at.text.parts[-3:] == tuple(DEFAULT_FILE.split("/")):
        _keep_from_git(at.text.parent)
    if not at.recorded:
        _keep_from_git(at.lines.parent)
        _tidy(at.lines.parent)


def _tidy(folder: Path) -> None:
    """Delete the lines of all but the newest runs. Ignores errors, so no test fails."""
    with contextlib.suppress(OSError):
        newest: dict[str, float] = {}
        files = [path for path in folder.iterdir() if "-" in path.name]
        for path in files:
            run = path.name.partition("-")[0]
            newest[run] = max(newest.get(run, 0.0), path.stat().st_mtime)
        kept = set(sorted(newest, key=lambda run: newest[run])[-_KEPT:])
        for path in files:
            if path.name.partition("-")[0] not in kept:
                path.unlink(missing_ok=True)


def _keep_from_git(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".gitignore").open("x", encoding="ascii") as file:
            file.write("*\n")


def _run_of(folder: Path) -> tuple[str, float | None]:
    """Return a record's run id and start as time of day in seconds, None if it cannot be read."""
    try:
        run = json.loads((folder / "run.json").read_bytes())
        return str(run["id"]), float(run["created_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.name.removeprefix("test-run-"), None
