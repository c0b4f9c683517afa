"""What a database holds, reduced to what can be compared; and how to get from one to the other.

Pure. The pictures of two moments differ if rows were added, removed or changed in between, tables
or other things made, altered or dropped, or sequences advanced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rows:
    """A table's rows; ``digest`` differs for other rows, or the same that were written again."""

    count: int
    digest: int


EMPTY = Rows(0, 0)


@dataclass(frozen=True, slots=True)
class Picture:
    """``shape`` stands for all that DDL makes; sequences hold their last value, None if unused."""

    shape: str
    tables: Mapping[str, Rows]
    sequences: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Links:
    """What of a schema decides whether a table can be emptied; tables by name."""

    referring: Mapping[str, Collection[str]]
    """Those whose foreign keys point to a table."""
    unfit: Collection[str]
    """Those that emptying would not put back: views with rows, tables with triggers on it, ..."""
    positions: Mapping[str, Position]
    """Where the schema left its sequences, for those that were looked at."""
    restarted: Mapping[str, str]
    """Sequences that come back to that position by emptying a table: its name."""


@dataclass(frozen=True, slots=True)
class Position:
    """A sequence's last value; not ``called``: its first, still to come."""

    value: int
    called: bool


UNUSED = Position(0, called=False)
"""Where a sequence is that only use brings into being, as SQLite's do."""


@dataclass(frozen=True, slots=True)
class Emptying:
    """Empty these tables and restart what they own; then put these sequences back."""

    tables: tuple[str, ...] = ()
    sequences: tuple[tuple[str, Position], ...] = ()


@dataclass(frozen=True, slots=True)
class Anew:
    """Only a new clone puts it back."""

    why: str


def differences(before: Picture, now: Picture) -> Iterator[str]:
    """Say what of tables and rows differs; sequences are not among it: a rollback leaves them."""
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


def plan(wanted: Picture, now: Picture, links: Links) -> Emptying | Anew:
    """Return the cheapest way back to a wanted picture; an empty `Emptying` if there already."""
    if wanted.shape != now.shape or wanted.tables.keys() != now.tables.keys():
        return Anew(next(differences(wanted, now), "the schema changed"))
    touched = {name for name, rows in now.tables.items() if rows != wanted.tables[name]}
    tables = _with_referring(touched, links)
    for name in sorted(tables):
        if wanted.tables.get(name, EMPTY) != EMPTY:
            return Anew(f"{name} has rows from the schema")
        if name in links.unfit or name not in wanted.tables:
            return Anew(f"{name} cannot be emptied alone")
    drifted = (
        (name, links.positions.get(name, UNUSED))
        for name in sorted(now.sequences.keys() | wanted.sequences.keys())
        if now.sequences.get(name) != wanted.sequences.get(name)
        and links.restarted.get(name) not in tables
    )
    return Emptying(tuple(sorted(tables)), tuple(drifted))


def _with_referring(tables: Collection[str], links: Links) -> set[str]:
    """Return tables and all that refer to them, by however many steps."""
    found: set[str] = set()
    more = set(tables)
    while more:
        found |= more
        more = {name for table in more for name in links.referring.get(table, ())} - found
    return found


def _rows(count: int, which: str = "") -> str:
    return f"{count} {which}row{'' if count == 1 else 's'}"
