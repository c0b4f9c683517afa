"""Comparable summaries of a database's contents, and the plan to get from one to another.

Pure. Two pictures differ if, in between, rows were added, removed or changed, tables or other
objects were created, altered or dropped, or sequences advanced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table. ``digest`` differs for other rows, and for the same rows written again."""

    count: int
    digest: int


EMPTY = Rows(0, 0)


@dataclass(frozen=True, slots=True)
class Picture:
    """Contents of a database. ``shape`` covers everything that DDL makes.

    ``sequences`` holds each sequence's last value, or None if it is unused.
    """

    shape: str
    tables: Mapping[str, Rows]
    sequences: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Links:
    """What in a schema decides whether a table can be emptied. Tables are given by name."""

    referring: Mapping[str, Collection[str]]
    """Table to the tables whose foreign keys point at it."""
    unfit: Collection[str]
    """Tables that emptying would not restore: views with rows, tables with triggers on it, ..."""
    positions: Mapping[str, Position]
    """Where the schema left its sequences, for those that were inspected."""
    restarted: Mapping[str, str]
    """Sequence to the table whose emptying resets it to that position."""


@dataclass(frozen=True, slots=True)
class Position:
    """A sequence's last value. If not ``called``, ``value`` is the first one it will give."""

    value: int
    called: bool


UNUSED = Position(0, called=False)
"""Position of a sequence that exists only once it is used, as in SQLite."""


@dataclass(frozen=True, slots=True)
class Emptying:
    """Empty these tables and restart the sequences they own, then set these other sequences."""

    tables: tuple[str, ...] = ()
    sequences: tuple[tuple[str, Position], ...] = ()


@dataclass(frozen=True, slots=True)
class Anew:
    """Only a new clone restores the database. ``why`` says what stands in the way."""

    why: str


def differences(before: Picture, now: Picture) -> Iterator[str]:
    """Describe how tables and rows differ. Sequences do not count: a rollback advances them too."""
    for name in sorted(before.tables.keys() - now.tables.keys()):
        yield f"table {name} dropped"
    for name in sorted(now.tables.keys() - before.tables.keys()):
        count = now.tables[name].count
        yield f"table {name} added" + (f" with {_rows(count)}" if count else "")
    for name in sorted(before.tables.keys() & now.tables.keys()):
        then, rows = before.tables[name], now.tables[name]
        if rows.count != then.count:
            more = rows.count - then.count
            yield f"{name}: {_rows(abs(more), 'more ' if more > 0 else 'fewer ')}"
        elif rows.digest != then.digest:
            yield f"{name}: rows changed"
    if before.shape != now.shape and before.tables.keys() == now.tables.keys():
        yield "columns, keys or other parts of the schema changed"


def plan(target: Picture, now: Picture, links: Links) -> Emptying | Anew:
    """Return the cheapest way to the wanted picture; an empty `Emptying` if nothing differs."""
    if target.shape != now.shape or target.tables.keys() != now.tables.keys():
        return Anew(next(differences(target, now), "the schema changed"))
    touched = {name for name, rows in now.tables.items() if rows != target.tables[name]}
    tables = _with_referring(touched, links)
    for name in sorted(tables):
        if target.tables.get(name, EMPTY) != EMPTY:
            return Anew(f"{name} has rows from the schema")
        if name in links.unfit or name not in target.tables:
            return Anew(f"{name} cannot be emptied alone")
    drifted = (
        (name, links.positions.get(name, UNUSED))
        for name in sorted(now.sequences.keys() | target.sequences.keys())
        if now.sequences.get(name) != target.sequences.get(name)
        and links.restarted.get(name) not in tables
    )
    return Emptying(tuple(sorted(tables)), tuple(drifted))


def _with_referring(tables: Collection[str], links: Links) -> set[str]:
    """Return the tables and all that refer to them, directly or indirectly."""
    found: set[str] = set()
    more = set(tables)
    while more:
        found |= more
        more = {name for table in more for name in links.referring.get(table, ())} - found
    return found


def _rows(count: int, which: str = "") -> str:
    return f"{count} {which}row{'' if count == 1 else 's'}"
