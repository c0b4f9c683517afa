"""Reports from workers to the controller: which tests are serial, and which are in a group.

Each worker writes a file before its ids are sent, and the controller removes it when it reads it.
Node ids stay as they are, and xdist offers no other way. A suite with neither kind writes no file.
Workers on another machine share no files with the controller, so there all tests are parallel.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import pytest


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """A worker's report, as indices into its collection."""

    serial: frozenset[int] = frozenset()
    groups: dict[str, list[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.serial or self.groups)


def about(items: Sequence[pytest.Item]) -> WorkerReport:
    """Read the markers of collected tests."""
    serial: set[int] = set()
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        names: set[str] = set()
        for mark in item.iter_markers():
            if mark.name == "serial":
                serial.add(index)
            elif mark.name == "xdist_group":
                names.add(_group(mark))
        if names:  # several groups make one of their own, as with xdist's loadgroup
            groups.setdefault("_".join(sorted(names)), []).append(index)
    return WorkerReport(frozenset(serial), groups)


def _group(mark: pytest.Mark) -> str:
    return str(mark.args[0] if mark.args else mark.kwargs.get("name", "default"))


def new_place() -> str:
    """Return a prefix of file names that nobody can predict. Creates nothing yet."""
    return str(Path(tempfile.gettempdir()) / f"walkaway-spreading-{token_hex(16)}")


def write(place: str, worker: str, report: WorkerReport) -> None:
    """Write a worker's report. Raises `OSError`: silence would lose the `serial` marks."""
    text = json.dumps({"serial": sorted(report.serial), "groups": report.groups})
    handle = os.open(f"{place}-{worker}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)


def take(place: str, worker: str) -> WorkerReport:
    """Return a worker's report and delete its file. Without a file the report is empty."""
    path = Path(f"{place}-{worker}.json")
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
    except FileNotFoundError:
        return WorkerReport()
    path.unlink()
    return WorkerReport(frozenset(found["serial"]), found["groups"])


def sweep(place: str) -> None:
    """Remove reports that came too late to be read, from workers started as the run ended."""
    prefix = Path(place)
    for path in prefix.parent.glob(f"{prefix.name}-*"):
        path.unlink(missing_ok=True)
