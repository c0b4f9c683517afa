"""Format text for people: colour, commands, durations, and what is safe for a terminal.

Must not know runs.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from dataclasses import dataclass

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, links
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c\n]*(?:\x1b\\|\x9c)?"  # DCS and the like
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Control characters, and characters that reverse or hide text: bidi marks, zero-width spaces.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_WORDS = re.compile(r"( *)([^ ]+)")
_READ_CHARS = 16_000
"""Characters of one line to look at: a line of a log can have megabytes."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Style:
    """Who reads the lines. ``program`` is how our commands are shown, ``width`` is in columns."""

    terminal: bool = False
    agent: bool = False
    width: int = 100
    program: str = "inv"

    def bold(self, text: str) -> str:
        return self._sgr("1", text)

    def dim(self, text: str) -> str:
        return self._sgr("2", text)

    def good(self, text: str) -> str:
        return self._sgr("32", text)

    def bad(self, text: str) -> str:
        return self._sgr("1;31", text)

    def warn(self, text: str) -> str:
        return self._sgr("33", text)

    def command(self, *words: str) -> str:
        """Return a command line to copy, such as `inv wait --run 7f3a`."""
        return f"{self.program} {shlex.join(words)}"

    def printable(self, text: str, width: int = 0) -> str:
        """Return one safe line of at most ``width`` columns, 0 for any: see `printable` below."""
        return printable(text, width)

    def _sgr(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.terminal and text else text


def many(count: int, one: str, more: str = "") -> str:
    """Return `1 test`, `1,200 tests`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def duration(seconds: float) -> str:
    """Return `3 ms`, `0.4 s`, `42 s`, `3 min 20 s`, `1 h 5 min`, `2 d 3 h`."""
    seconds = max(0.0, seconds)
    if seconds < 0.1:  # noqa: PLR2004 - too small for one decimal
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:  # noqa: PLR2004 - 9.95 would be shown as 10.0
        return f"{seconds:.1f} s".replace(".0 ", " ")
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, "min", 1, "s")
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    return _two(whole, _DAY, "d", _HOUR, "h")


def _two(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    count, rest = divmod(whole, large)
    rest //= small
    return f"{count:,} {large_name}" + (f" {rest} {small_name}" if rest else "")


def roughly(seconds: float) -> str:
    """Return a duration in its larger unit only: `11 min`, `3 h`."""
    return " ".join(duration(seconds).split(" ")[:2])


def size(size_bytes: int) -> str:
    """Return `0 B`, `8 kB`, `1.2 MB`, `340 MB`, `1.4 GB`: powers of 1000, as disks are sold."""
    number, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):  # noqa: B007 - the unit at the break is the answer
        if number < 999.5:  # noqa: PLR2004 - it would be shown as 1000
            break
        number /= 1000
    shown = f"{number:.1f}" if number < 9.95 and unit not in {"B", "kB"} else f"{number:.0f}"  # noqa: PLR2004
    return f"{shown} {unit}"


def span(bounds: tuple[float, float]) -> str:
    """Return a range of seconds in one unit, rounded outwards: `20-45 s`, `2-5 min`."""
    low, high = sorted(max(0.0, bound) for bound in bounds)
    unit, name = 1, "s"
    if high >= 2 * _HOUR:
        unit, name = _HOUR, "h"
    elif high >= 2 * _MINUTE:
        unit, name = _MINUTE, "min"
    least, most = int(low // unit), max(1, int(-(-high // unit)))
    if least == most:
        return f"{most} {name}"
    return f"{least}-{most} {name}" if least else f"<{most} {name}"


def printable(text: str, width: int = 0) -> str:
    """Return one safe line: no ANSI, no control characters, at most ``width`` columns (0: any)."""
    long = len(text) > _READ_CHARS
    text = _clean(text[:_READ_CHARS] if long else text)
    return _cut(text + "…" if long else text, width)


def middle(text: str, width: int) -> str:
    """Shorten like `printable`, but in the middle: both ends of a node id matter."""
    if len(text) > _READ_CHARS:
        text = f"{text[: _READ_CHARS // 2]} {text[-_READ_CHARS // 2 :]}"
    text = _clean(text)
    if columns(text) <= width:
        return text
    room = max(1, width - 1)
    head = _cut(text, room // 2 + 1).removesuffix("…")
    tail = text[-(room - room // 2) :]
    while tail and columns(tail) > room - columns(head):
        tail = tail[1:]
    return f"{head}…{tail}"


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """Break a line of ours at its spaces, so that a terminal of ``width`` columns breaks no word.

    A longer word stays whole, because it is a command or a path to copy. Lines after the first are
    indented.
    """
    found, line = [], ""
    for gap, word in _WORDS.findall(text):
        longer = f"{line}{gap}{word}"
        if line.strip() and columns(_SEQUENCES.sub("", longer)) > width:
            found.append(line)
            longer = " " * indent + word
        line = longer
    return [*found, line]


def columns(text: str) -> int:
    """Return how many terminal columns a text without control characters takes."""
    return len(text) if text.isascii() else sum(map(_wide, text))


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    text = _SPACES.sub(" ", _SEQUENCES.sub("", text))
    return _UNSEEN.sub("", _SURROGATES.sub("\ufffd", text))


def _cut(text: str, width: int) -> str:
    if width <= 0 or (len(text) * 2 <= width or columns(text) <= width):
        return text
    room, kept = width - 1, 0
    for kept, char in enumerate(text):  # noqa: B007 - the index at the break is the answer
        room -= _wide(char)
        if room < 0:
            break
    return text[:kept].rstrip() + "…"


def _wide(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
