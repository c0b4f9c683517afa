"""A copy of a Postgres database that others use, and how to restore from it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from sqlalchemy.engine import URL

from walkaway.isolation.databases import urls
from walkaway.isolation.databases.names import Base
from walkaway.isolation.databases.postgres.locks import Owner
from walkaway.isolation.identity import Identity

_TRIES = 3
"""Attempts. In each, Postgres itself waits five seconds for other connections to leave."""


class PostgresCopy:
    """A `Copy`. Its role must be allowed to create databases and must own the one it copies.

    Two renames in one transaction put the copy in the database's place, so a whole database of that
    name exists at every moment. Owner and contents are restored. Settings and grants of the
    database itself (ALTER DATABASE … SET, GRANT … ON DATABASE) are not.
    """

    def __init__(self, url: URL, who: Identity) -> None:
        self._name = url.database or ""
        base = Base.of(urls.base_name(url))
        self._copy = base.name(who.run, f"{who.worker}kept")
        self._old = base.name(who.run, f"{who.worker}old")
        self._owner = Owner(url)
        try:
            for name in (self._copy, self._old):
                self._owner.lock(name)
            (of,) = self._owner.ask(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", self._name
            )[0]
            create = "CREATE DATABASE {} TEMPLATE {} OWNER {}"
            self._without_users(lambda: self._owner.run(create, self._copy, self._name, str(of)))
        except BaseException:
            self._owner.close()
            raise

    def put_back(self) -> None:
        swap = "ALTER DATABASE {} RENAME TO {}; ALTER DATABASE {} RENAME TO {}"
        names = (self._name, self._old, self._copy, self._name)
        self._without_users(lambda: self._owner.run(swap, *names))

    def close(self) -> None:
        try:
            for name in (self._copy, self._old):
                self._owner.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        finally:
            self._owner.close()

    def _without_users(self, act: Callable[[], None]) -> None:
        """Run ``act`` while nobody is connected to the database. Services reconnect at once."""
        for attempt in range(_TRIES):
            self._owner.end_users(self._name)
            try:
                act()
            except psycopg.errors.ObjectInUse:
                if attempt == _TRIES - 1:
                    raise
            else:
                return
