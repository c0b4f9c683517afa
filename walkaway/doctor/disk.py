"""Check free space and free inodes, for the checkout and for the engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from walkaway.doctor import Around, Checked, Finding, judged, skipped, unknown
from walkaway.errors import WalkawayError
from walkaway.text import size

GB = 1000**3
CHECKOUT_BYTES = GB
ENGINE_BYTES = 3 * GB
LEAST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """What is free in a file system. ``files`` is None where inodes have no fixed number."""

    free_bytes: int
    files: int | None = None


def room(path: Path) -> DiskSpace:
    """Return what is free in a path's file system. `OSError` when the path does not exist."""
    found = os.statvfs(path)
    return DiskSpace(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def checkout(around: Around) -> Checked:
    """Check the disk that holds the records."""
    try:
        found = room(around.root)
    except OSError as error:
        mend = f"df -h {around.root}"
        return unknown("disk", f"{around.root} cannot be looked at: {error.strerror}", mend)
    says, findings = judge(found, CHECKOUT_BYTES, "the checkout's disk", _OURS)
    return judged("disk", says, findings, asdict(found))


def of_engine(around: Around) -> Checked:
    """Check the disk of images and containers, if it is on this machine."""
    subject = "engine's disk"
    try:
        folder = Path(str(around.info()["root"]))
        found = room(folder) if around.on_this_machine() else None
    except (WalkawayError, OSError) as error:
        why = error.message if isinstance(error, WalkawayError) else str(error.strerror)
        return unknown(subject, f"it cannot be looked at: {why.splitlines()[0]}", _ENGINES)
    if found is None:
        return skipped(subject, "it is another machine's, or a virtual one's: docker system df")
    says, findings = judge(found, ENGINE_BYTES, f"the engine's disk ({folder})", _ENGINES)
    facts: Mapping[str, object] = {"folder": str(folder), **asdict(found)}
    return judged(subject, says, findings, facts)


def judge(found: DiskSpace, least_bytes: int, name: str, mend: str) -> tuple[str, list[Finding]]:
    """Return in words what is free, and findings for what is too little."""
    says = f"{size(found.free_bytes)} free"
    findings = []
    if found.free_bytes < least_bytes:
        text = f"{size(found.free_bytes)} are free on {name}: {size(least_bytes)} are little"
        findings.append(Finding(text, mend))
    if found.files is not None:
        says += f", {found.files:,} inodes"
        if found.files < LEAST_FILES:
            findings.append(Finding(f"{found.files:,} inodes are free on {name}", mend))
    return says, findings


_OURS = "inv rotate-logs --days 1"
_ENGINES = "docker system df    then, for old build layers: docker builder prune"
