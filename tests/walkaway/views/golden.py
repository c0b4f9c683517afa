"""Golden files: what an output is, for each kind of reader, and the only way to change them.

`WALKAWAY_GOLDEN=write pytest tests/walkaway/views` writes them anew and marks each changed test as
skipped, so that a run that wrote never looks like one that compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from walkaway.text import Style

FOLDER = Path(__file__).parent / "golden"
READERS = {
    "terminal": Style(terminal=True, width=100),
    "pipe": Style(width=160),
    "agent": Style(agent=True, width=160),
}


def check(name: str, text: str) -> None:
    """Compare a text with its golden file, or write that on demand."""
    path = FOLDER / name
    known = path.read_text(encoding="utf-8") if path.exists() else None
    if text != known and os.environ.get("WALKAWAY_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        pytest.skip(f"wrote {name}")
    assert known is not None, f"no golden file {name}: see {__name__}"
    assert text == known


def check_lines(name: str, view: Callable[[Style], list[str]]) -> None:
    """Compare what a view prints for a terminal, a pipe and an agent; ESC is shown as `␛`."""
    parts: list[str] = []
    told: dict[str, str] = {}
    for reader, style in READERS.items():
        text = "".join(f"{line}\n" for line in view(style)).replace("\x1b", "␛")
        same = next((other for other, known in told.items() if known == text), None)
        parts.append(f"===== {reader}\n" + (f"(as {same})\n" if same else text))
        told[reader] = text
    check(f"{name}.txt", "".join(parts))
