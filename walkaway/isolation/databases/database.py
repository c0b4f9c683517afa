"""A test database as tests see it: URLs, engines, connections and contents."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL

from walkaway.isolation.databases import libraries, urls
from walkaway.isolation.databases.provider import Home
from walkaway.isolation.databases.restore import Contents

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


class Database:
    """One test database.

    The object and its engines survive `renew`; open connections do not.
    """

    def __init__(self, home: Home, url: URL) -> None:
        self._home = home
        self._url = url
        self.contents = Contents(lambda: home.probe(url))
        """Compares what it holds with what the schema gave it, for clean-up and the leak check."""

    @property
    def name(self) -> str:
        """Name of the database on its server; for SQLite, the path of its file."""
        return self._url.database or ""

    @property
    def url(self) -> str:
        """URL for synchronous engines, with the password."""
        return urls.text(self._url)

    @property
    def async_url(self) -> str:
        """URL for asynchronous engines, with the password."""
        return urls.text(urls.asynchronous(self._url))

    @cached_property
    def engine(self) -> Engine:
        """Pooled engine, shared by all tests of this process."""
        return _prepared(create_engine(self._url, pool_pre_ping=True))

    @cached_property
    def async_engine(self) -> AsyncEngine:
        """Engine without a pool, usable in any event loop.

        A connection belongs to one event loop, and each test has its own loop.
        """
        libraries.need_async("async_engine", self.url)
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine(urls.asynchronous(self._url), poolclass=NullPool)
        _prepared(engine.sync_engine)
        return engine

    def connect(self) -> Connection:
        """Open a connection that no other test shares. Closing it ends it."""
        return self._fresh.connect()

    def renew(self) -> None:
        """Recreate the database from the schema's template, under the same URL: 15 to 50 ms."""
        self._release()
        self._home.renew(self._url)

    def close(self) -> None:
        """Remove the database."""
        self._release()
        self._home.drop(self._url)

    @cached_property
    def _fresh(self) -> Engine:
        return _prepared(create_engine(self._url, poolclass=NullPool))

    def _release(self) -> None:
        self.contents.release()
        if "engine" in self.__dict__:
            self.engine.dispose()


def _prepared(engine: Engine) -> Engine:
    """Make SQLite behave like a server database. Leave other engines as they are.

    SQLite's driver begins no transaction before SELECT, SAVEPOINT and DDL, so there would be
    nothing to roll back to. And SQLite enforces foreign keys only when asked to.
    """
    if engine.dialect.name != "sqlite":
        return engine

    @event.listens_for(engine, "connect")
    def connected(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3's connection, or aiosqlite's adapter
        cursor = connection.cursor()  # type: ignore[attr-defined]  # as above
        for pragma in ("foreign_keys = ON", "synchronous = OFF", "busy_timeout = 5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
