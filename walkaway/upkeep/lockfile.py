"""Parse and compare the text of locks. Pure: texts in, data out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_URL_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*@\s*(\S+)")
_INDEX_LINE = re.compile(r"^\s*(?:--(?:extra-)?index-url|--find-links|--trusted-host|# from )")
_DIFF_LINES = 10


class LockState(StrEnum):
    """State of a lock compared with its source."""

    FRESH = "fresh"
    STALE = "stale"
    WRITTEN = "written"


@dataclass(frozen=True, slots=True)
class Change:
    """A package whose pin changed; empty for no pin. Several versions are separated by `, `."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The result for one lock. ``name`` and ``source`` are file names in the project's root."""

    name: str
    source: str
    standing: LockState
    why: str = ""
    changes: tuple[Change, ...] = ()
    diff: tuple[str, ...] = ()
    """The first lines that differ, when no pin changed."""


def compared(name: str, source: str, old: str, new: str, otherwise: LockState) -> Lock:
    """Compare two texts of a lock. ``otherwise`` is its standing if they differ."""
    if old and body(old) == body(new):
        return Lock(name, source, LockState.FRESH)
    before, after = pins(old), pins(new)
    changes = tuple(
        Change(package, before.get(package, ""), after.get(package, ""))
        for package in sorted(before.keys() | after.keys())
        if before.get(package) != after.get(package)
    )
    lines = difflib.unified_diff(body(old), body(new), lineterm="", n=0)
    diff = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    why = "hashes, markers or comments" if old else "it was not there"
    shown = () if changes else tuple(diff[:_DIFF_LINES])
    return Lock(name, source, otherwise, why, changes, shown)


def body(text: str) -> list[str]:
    """Return a lock's lines without its header, because it does not matter who compiled it."""
    lines = text.splitlines()
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return lines


def pins(text: str) -> dict[str, str]:
    """Return normalised package names with their version or URL."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        match = _PIN.match(line) or _URL_PIN.match(line)
        if match:
            found.setdefault(re.sub(r"[-_.]+", "-", match[1]).lower(), []).append(match[2])
    return {name: ", ".join(dict.fromkeys(versions)) for name, versions in found.items()}


def seeded(own: str, bases: Sequence[str]) -> str:
    """Return the pins to prefer: those of included locks first, so that layers agree."""
    taken: set[str] = set()
    lines: list[str] = []
    for text in (*bases, own):
        keep = False
        names = pins(text).keys()
        for line in body(text):
            match = _PIN.match(line) or _URL_PIN.match(line)
            if match:
                keep = re.sub(r"[-_.]+", "-", match[1]).lower() not in taken
            if keep:
                lines.append(line)
        taken |= names
    return "".join(f"{line}\n" for line in lines)


def without_index(text: str) -> str:
    """Return a lock without the lines that name a package index."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not _INDEX_LINE.match(line))
