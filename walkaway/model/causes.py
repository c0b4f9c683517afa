"""Group failures by cause: one broken fixture is one thing to fix, however many tests it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from walkaway.model import event_kinds
from walkaway.model.events import Event, text, whole

_COMPARED = 500
"""How many characters of a message to compare; message and text may be cut at different lengths."""
_FAILURES = frozenset({event_kinds.FAILURE, event_kinds.ATTEMPT_FAILURE})
"""Kinds of failure entries: `x` counts; `a` is from an attempt that a plugin reran."""
_LINE_NUMBER = re.compile(r":\d+(?= in |$)")


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures with equal exception type, masked message and deepest frame in the project.

    ``number`` counts from 1, does not change while the run goes on, and is the 2 in
    `--rerun 7f3a:2`. ``ids`` are its tests, each once, in the order they failed. ``count`` is the
    number of failures, which is higher when several subtests of one test failed.
    """

    number: int
    type: str
    message: str
    at: str
    """`path:line in name` of the first failure."""
    text: str
    """The short traceback; empty when none was stored."""
    ids: tuple[str, ...]
    count: int
    results: tuple[tuple[str, int], ...] = ()
    """(result, how many), in order of first occurrence."""
    when: str = ""
    """`setup`, `call`, `teardown`, `collect` or `crash`."""
    out: tuple[tuple[str, str], ...] = ()
    """(heading, captured text)."""
    earlier: int = 0
    """Failures of this cause before ``since``."""
    again: bool = True
    """Whether its ``ids`` can be rerun; the ids of xdist's workers cannot."""
    attempts: int = 0
    """How many of ``count`` decided nothing because a plugin reran the attempt."""


@dataclass(slots=True)
class _Group:
    number: int
    first: Event
    text: str = ""
    out: tuple[tuple[str, str], ...] = ()
    ids: dict[str, None] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)
    count: int = 0
    earlier: int = 0
    attempts: int = 0

    def add(self, entry: Event, *, new: bool, decided: bool) -> None:
        if not self.text and text(entry, "text"):
            self.text, self.out = text(entry, "text"), _sections(entry)
        if not new:
            self.earlier += 1
            return
        self.count += 1
        self.attempts += not decided
        self.ids.setdefault(text(entry, "id", "?"))
        result = text(entry, "r") or "failed"
        self.results[result] = self.results.get(result, 0) + 1

    def cause(self) -> Cause:
        return Cause(
            number=self.number,
            type=text(self.first, "type"),
            message=text(self.first, "msg"),
            at=text(self.first, "at"),
            text=self.text,
            ids=tuple(self.ids),
            count=self.count,
            results=tuple(self.results.items()),
            when=text(self.first, "w"),
            out=self.out,
            earlier=self.earlier,
            again=self.first.get("again") is not False,
            attempts=self.attempts,
        )


def group(entries: Iterable[Event], since: int = 0, *, attempts: bool = False) -> list[Cause]:
    """Return the causes of the entries in failures.jsonl, those with most failures first.

    Entries before ``since`` contribute texts and numbers but are not counted; a cause with no newer
    entry is left out. With ``attempts``, failures in attempts that a plugin reran count as well.
    """
    lines = list(entries)
    back = _taken_back(lines)
    groups: dict[tuple[int, str, str], _Group] = {}
    taken: set[int] = set()
    position = -1
    for line, entry in enumerate(lines):
        if entry["e"] not in _FAILURES:
            continue
        counts = entry["e"] == event_kinds.FAILURE
        position += counts
        key = _key(entry)
        if key not in groups:
            number = key[0] + 1 if key[0] + 1 not in taken else max(taken) + 1
            taken.add(number)
            groups[key] = _Group(number, entry)
        decided = counts and line not in back
        if decided or attempts:
            groups[key].add(entry, new=position + (not counts) >= since, decided=decided)
    causes = [found.cause() for found in groups.values() if found.count]
    return sorted(causes, key=lambda cause: (-cause.count, cause.number))


def is_bare(entry: Event) -> bool:
    """Return whether a failure's text is only its message, as pytest.fail may leave it."""
    excerpt = text(entry, "text").strip()
    message = excerpt.removeprefix(f"{text(entry, 'type')}:").strip()
    return bool(excerpt) and message.startswith(text(entry, "msg").strip()[:_COMPARED])


def count_failures(entries: Iterable[Event]) -> int:
    """Return how many failures there are so far; the next look passes it as ``since``.

    A failed subtest counts even if a plugin reran its test: positions must not shift.
    """
    return sum(entry["e"] == event_kinds.FAILURE for entry in entries)


def _taken_back(lines: list[Event]) -> set[int]:
    """Return the line numbers that the recorder retracted, from attempts that a plugin reran."""
    found: set[int] = set()
    for entry in lines:
        numbers = entry.get("x")
        if entry["e"] == event_kinds.RETRACTED and isinstance(numbers, list):
            found.update(
                number
                for number in numbers
                if isinstance(number, int)
                and 0 <= number < len(lines)
                and lines[number].get("i") == entry.get("i")  # a torn line shifts all numbers
            )
    return found


def selector(short: str, cause: Cause | None = None) -> str:
    """Return the value for `--rerun`: `7f3a:2` for a cause's tests, `7f3a` for all that failed."""
    return short if cause is None else f"{short}:{cause.number}"


def _key(entry: Event) -> tuple[int, str, str]:
    """Return the recorder's cause number, type and place: a second pass counts from 0 again."""
    place = _LINE_NUMBER.sub("", text(entry, "at"))
    return whole(entry, "cause"), text(entry, "type"), place


def _sections(entry: Event) -> tuple[tuple[str, str], ...]:
    found = entry.get("out")
    return tuple(
        (str(row[0]), str(row[1]))
        for row in (found if isinstance(found, list) else ())
        if isinstance(row, list) and len(row) == 2  # noqa: PLR2004 - heading, text
    )
