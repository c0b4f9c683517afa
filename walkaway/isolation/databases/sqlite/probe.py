"""Inspect and restore one SQLite file from a connection of its own."""

from __future__ import annotations

import sqlite3

from sqlalchemy.engine import URL

from walkaway.isolation.databases.provider import LockedError
from walkaway.isolation.databases.snapshot import Emptying, Links, Picture, Position, Rows

LOCK_TIMEOUT_MS = 3000
_RELATIONS = (
    "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master "
    "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name"
)


class SqliteProbe:
    """A `Probe` for a SQLite file."""

    def __init__(self, url: URL) -> None:
        self._path = url.database or ""
        self._connection = sqlite3.connect(
            self._path,
            timeout=LOCK_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        self._connection.execute("PRAGMA synchronous = OFF")  # a power cut loses the run anyway
        self._version = -1

    def committed(self) -> bool:
        # data_version changes with every commit to this file by any other connection.
        version = self._number("PRAGMA data_version")
        found, self._version = version != self._version, version
        return found

    def picture(self) -> Picture:
        self._version = self._number("PRAGMA data_version")
        relations = self._connection.execute(_RELATIONS).fetchall()
        tables = {
            name: self._rows(name) for kind, name, _table, _sql in relations if kind == "table"
        }
        return Picture(str(hash(tuple(relations))), tables, self.sequences())

    def links(self) -> Links:
        """Return the links.

        Foreign keys do not matter here: `empty` works without checking them.
        """
        relations = self._connection.execute(_RELATIONS).fetchall()
        unfit = {table for kind, _name, table, _sql in relations if kind == "trigger"}
        unfit |= {name for _k, name, _t, made in relations if made.startswith("CREATE VIRTUAL")}
        positions = {
            name: Position(value, called=True)
            for name, value in self.sequences().items()
            if value is not None
        }
        return Links({}, unfit, positions, {})

    def empty(self, what: Emptying) -> None:
        if not what.tables and not what.sequences:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for table in what.tables:
                self._connection.execute(f"DELETE FROM {_quoted(table)}")  # noqa: S608 - quoted
            for table, at in what.sequences:
                self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
                if at.called:
                    self._connection.execute(
                        "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, at.value)
                    )
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            raise LockedError(f"{self._path} is locked by a connection that still writes") from None
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    def close(self) -> None:
        self._connection.close()

    def sequences(self) -> dict[str, int | None]:
        """Return the last number that each AUTOINCREMENT table gave."""
        if not self._number("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'"):
            return {}
        return dict(self._connection.execute("SELECT name, seq FROM sqlite_sequence"))

    def _rows(self, table: str) -> Rows:
        rows = self._connection.execute(f"SELECT * FROM {_quoted(table)}").fetchall()  # noqa: S608 - quoted
        return Rows(len(rows), sum(map(hash, rows)))

    def _number(self, statement: str) -> int:
        return int(self._connection.execute(statement).fetchone()[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
