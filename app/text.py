"""Short texts from long ones, for addresses and lists. Pure functions."""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"


def slug(title: str, max_length: int = 60) -> str:
    """`title` as a part of a URL: lower-case ASCII letters and digits joined by hyphens.

    Accents are dropped, other scripts are not transliterated: a title of these alone gives "".
    Cut between words where that leaves anything, at most `max_length` characters.
    """
    if max_length < 1:
        raise ValueError(f"max_length is {max_length}, not positive")
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    whole = "-".join(re.findall(r"[a-z0-9]+", ascii_only.lower().replace("'", "")))
    if len(whole) <= max_length:
        return whole
    head, hyphen, _ = whole[: max_length + 1].rpartition("-")
    return head if hyphen else whole[:max_length]


def excerpt(text: str, limit: int) -> str:
    """The beginning of `text` on one line, at most `limit` characters, with … when cut."""
    if limit < 1:
        raise ValueError(f"limit is {limit}, not positive")
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    head, space, _ = line[:limit].rpartition(" ")
    return (head if space else line[: limit - 1]) + ELLIPSIS
