"""Which documents answer a question best. Pure functions: documents are arguments."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from app.text import excerpt

SNIPPET = 160
_BEFORE = 40
_WORD = re.compile(r"\w+")
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Hit:
    """`score` compares hits of one search, no more."""

    path: str
    score: float
    snippet: str


def words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def rank(query: str, documents: Iterable[tuple[str, str]]) -> list[Hit]:
    """Return the documents with a word of the query, best first; equals by path.

    A word counts more the fewer documents have it, and less with each repetition; in a path it
    counts once more.
    """
    wanted = set(words(query))
    counted = [(path, text, Counter(words(text) + words(path))) for path, text in documents]
    having = {word: sum(word in counts for _, _, counts in counted) for word in wanted}
    hits = []
    for path, text, counts in counted:
        score = sum(
            (1 + math.log(counts[word])) * math.log(1 + len(counted) / having[word])
            for word in sorted(wanted)
            if counts[word]
        )
        if score:
            hits.append(Hit(path, round(score, 6), snippet(text, wanted)))
    return sorted(hits, key=lambda hit: (-hit.score, hit.path))


def snippet(text: str, wanted: set[str]) -> str:
    """Return one line of the text around the first wanted word, or its beginning."""
    first = next((m.start() for m in _WORD.finditer(text) if m[0].casefold() in wanted), 0)
    begin = max(0, first - _BEFORE)
    if begin:  # not in the middle of a word
        blank = _BLANK.search(text, begin, first)
        begin = blank.end() if blank else first
    return excerpt(text[begin : begin + 2 * SNIPPET], SNIPPET)
