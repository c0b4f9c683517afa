"""Reduce a short traceback to the frames that matter, one line each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from walkaway.text import printable

_FRAME = re.compile(r"(?P<path>\S.*?):(?P<line>\d+):(?: in (?P<name>.+))?$")
_NATIVE = re.compile(r'\s*File "(?P<path>.+?)", line (?P<line>\d+)(?:, in (?P<name>.+))?$')
_LIBRARY = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|\.?venv|\.tox|\.nox|lib/python\d[^/]*)/"
)
_GROUP = re.compile(r"\s*(?:\| )+")
"""Prefix of a line in an exception group's traceback."""
_RAISED = re.compile(r"[A-Za-z_][\w.]*: ")
_CARETS = re.compile(r"[\s^~]+$|\s*\+-[-+]")
"""Lines under a source line: they mark what raised, or where a group's next exception begins."""
_DETAILS = 6


@dataclass(slots=True)
class _Frame:
    place: str
    own: bool
    source: list[str] = field(default_factory=list)

    def line(self, width: int) -> str:
        source = " ".join(self.source)
        return printable(f"{self.place}: {source}" if source else self.place, width)


def condense(text: str, message: str, most: int, width: int) -> list[str]:
    """Return at most ``most`` lines: the project's frames, outermost first, then error details.

    ``message`` is the message that the reader has seen already; its first line is not repeated.
    Library frames are shown only when there are no others.
    """
    frames, errors = _read(text)
    chosen = [frame for frame in frames if frame.own] or frames[-2:]
    known = {row.strip() for row in message.splitlines()[:1]}
    details = [row for row in errors if not _is_known(row.strip(), known)]
    details = details[: min(_DETAILS, max(0, most - min(2, len(chosen))))]
    room = max(1, most - len(details))
    rows = [frame.line(width) for frame in chosen[-room:]]
    left = len(chosen) - len(rows)
    if left and room > 1:
        rows[0] = f"({left + 1} frames above)"
    indent = min((len(row) - len(row.lstrip()) for row in details), default=0)
    return rows + [printable(f"  {row[indent:]}", width) for row in details]


def _is_known(row: str, known: set[str]) -> bool:
    if not row or row == "Use -v to get more diff":
        return True
    return any(row == message or row.endswith(f": {message}") for message in known if message)


def _read(text: str) -> tuple[list[_Frame], list[str]]:
    frames: list[_Frame] = []
    errors: list[str] = []
    for line in text.splitlines():
        group = _GROUP.match(line)
        row = line[group.end() :] if group else line
        match = _FRAME.match(row) or _NATIVE.match(row)
        if match is not None:
            path, name = match["path"], match["name"]
            place = f"{path}:{match['line']}" + (f" in {name}" if name else "")
            frames.append(_Frame(place, not _LIBRARY.search(path)))
        elif row.startswith("E "):
            errors.append(row[1:].removeprefix("   "))
        elif group and _RAISED.match(row):
            errors.append(f"  {row}")
        elif frames and row.startswith("  ") and not _CARETS.match(row):
            frames[-1].source.append(row.strip())
    return frames, errors
