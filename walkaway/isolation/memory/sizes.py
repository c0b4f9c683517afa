"""Parse and format memory sizes. Pure."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?)I?B\s*", re.IGNORECASE)


def parsed(text: object) -> int:
    """Return the bytes in `200 MB`, `1.5 GB` or `512KiB`. A kilobyte is always 1024 bytes.

    Raises ValueError for anything else.
    """
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    size = int(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
    if size <= 0:
        raise ValueError(f'{text!r} is not a size: write "200 MB", "1.5 GB" or "512 KB"')
    return size


def formatted(size_bytes: int) -> str:
    """Format a size in MB, with one decimal below 100 MB unless it is a whole number."""
    size = size_bytes / _UNITS["M"]
    return f"{size:.0f} MB" if abs(size) >= 100 or size == int(size) else f"{size:.1f} MB"  # noqa: PLR2004 - three digits
