"""The database: Postgres or SQLite by its URL, the tables made sure of, sessions to read and write.

Tables are made sure of by each *new connection*: so a service starts before its database does,
and goes on with one that came back empty.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateIndex, CreateTable
from starlette.requests import Request
from starlette.responses import JSONResponse

from app.models import Base

_LOG = logging.getLogger(__name__)
_DRIVERS = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite+aiosqlite"}
_LOCK = 5_219_041_107
"""The advisory lock under which tables are made: any number that nobody else uses."""
_SQLITE = ("PRAGMA busy_timeout=10000", "PRAGMA journal_mode=WAL", "PRAGMA foreign_keys=ON")
_POSTGRES_ARGS = {"connect_timeout": 5, "options": "-c statement_timeout=20000"}


class _Raw(Protocol):
    """A connection of a driver, or what SQLAlchemy shows of an asynchronous one."""

    def cursor(self) -> Any: ...  # noqa: ANN401 - drivers' cursors have no type in common

    def commit(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and its sessions. `async with` either; `write.begin()` commits at its end."""

    engine: AsyncEngine
    read: async_sessionmaker[AsyncSession]
    write: async_sessionmaker[AsyncSession]

    async def check(self) -> None:
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


def async_url(url: str) -> URL:
    """Return the URL with the driver that this platform uses, whatever it named."""
    made = make_url(url)
    return made.set(drivername=_DRIVERS.get(made.get_backend_name(), made.drivername))


def connect(url: str) -> Database:
    """Make the engine of a URL; nothing is opened before it is used."""
    where = async_url(url)
    sqlite = where.get_backend_name() == "sqlite"
    # Without isolation_level sqlite3 begins nothing by itself: `_begin` does.
    arguments = {"isolation_level": None} if sqlite else _POSTGRES_ARGS
    engine = create_async_engine(where, pool_pre_ping=True, connect_args=arguments)

    def opened(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        ensure_tables(connection, engine.dialect)

    event.listen(engine.sync_engine, "connect", opened)
    if sqlite:
        event.listen(engine.sync_engine, "begin", _begin)
    reading = engine.execution_options(reads_only=True)
    return Database(
        engine,
        async_sessionmaker(reading, expire_on_commit=False),
        async_sessionmaker(engine, expire_on_commit=False),
    )


async def away(_request: Request, error: Exception) -> JSONResponse:
    """Answer a request for which the database was needed and was not there."""
    _LOG.warning("the database does not answer: %s", str(error).partition("\n")[0])
    return JSONResponse({"detail": "the database does not answer"}, status_code=503)


def prepare(url: str) -> None:
    """Make the tables of an SQLite file, before those come who would do it at once.

    To switch a file to its write-ahead log one has to be alone with it.
    """
    where = make_url(url)
    if where.get_backend_name() == "sqlite" and where.database:
        with contextlib.closing(sqlite3.connect(where.database, isolation_level=None)) as alone:
            ensure_tables(alone, SQLiteDialect())


def ensure_tables(connection: _Raw, dialect: Dialect) -> None:
    """Make the tables that are not there; of many that try at once, one does."""
    cursor = connection.cursor()
    sqlite = dialect.name == "sqlite"
    for pragma in _SQLITE if sqlite else ():
        cursor.execute(pragma)
    names = ", ".join(f"'{name}'" for name in Base.metadata.tables)
    # Names of our own models. Asked first: CREATE INDEX would wait for all who write, to find
    # that the index is there.
    count = (
        f"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ({names})"  # noqa: S608
        if sqlite
        else f"SELECT count(to_regclass(name)) FROM unnest(ARRAY[{names}]) AS name"  # noqa: S608
    )
    cursor.execute(count)
    if cursor.fetchone()[0] < len(Base.metadata.tables):
        cursor.execute("BEGIN IMMEDIATE" if sqlite else f"SELECT pg_advisory_xact_lock({_LOCK})")
        for table in Base.metadata.sorted_tables:
            cursor.execute(str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)))
            for index in table.indexes:
                cursor.execute(str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)))
    cursor.close()
    connection.commit()


def _begin(connection: Connection) -> None:
    """Begin a transaction in SQLite: who will write asks for the lock at once, and waits for it.

    One that reads first and then writes is refused as soon as another has written in between
    (SQLITE_BUSY_SNAPSHOT), however long it would wait.
    """
    reads = connection.get_execution_options().get("reads_only")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
