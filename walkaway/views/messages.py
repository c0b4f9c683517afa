"""The lines of a failure's message after the first, within limits."""

from __future__ import annotations

import textwrap

from walkaway.text import printable

LINES = 12
_CHARS = 1000


def rest(message: str, most: int, width: int) -> tuple[list[str], int]:
    """Return the lines after the first and the number of lines left out.

    At most ``most`` lines and 1,000 characters. Wraps long lines, drops blank ones, and removes an
    indent that all lines share.
    """
    lines = [row.rstrip() for row in message.strip().splitlines()[1:] if row.strip()]
    indent = min((len(row) - len(row.lstrip()) for row in lines), default=0)
    found: list[str] = []
    room = _CHARS
    for place, row in enumerate(lines):
        for piece in _wrapped(row[indent:], width):
            room -= len(piece)
            if room < 0 or len(found) == most:
                return found, len(lines) - place
            found.append(piece)
    return found, 0


def _wrapped(row: str, width: int) -> list[str]:
    shown = printable(row, _CHARS)
    margin = " " * min(len(shown) - len(shown.lstrip()), width // 2)
    return textwrap.wrap(shown, width, subsequent_indent=margin, break_on_hyphens=False)
