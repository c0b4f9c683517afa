"""The databases of one process on a server, owned before they are created until they are gone.

Whoever creates a database first takes the lock of its name (`locks`) and keeps it. Whoever comes
later, or leaves, drops the databases of the same base whose lock is free. That removes what killed
runs left, at once and without guessing by age, and never touches a living run's database.
"""

from __future__ import annotations

import psycopg
from sqlalchemy.engine import URL

from walkaway.isolation.databases import urls
from walkaway.isolation.databases.names import BUILDING, TEMPLATE, Base
from walkaway.isolation.databases.postgres.leftovers import TemplateNote, listed, reap
from walkaway.isolation.databases.postgres.locks import Owner
from walkaway.isolation.databases.postgres.probe import PostgresProbe
from walkaway.isolation.databases.provider import Keeping, RefusedError
from walkaway.isolation.databases.schema import CREATE, Schema

_TRIES = 3
"""Attempts. In each, Postgres itself waits five seconds for others to leave a template."""


class Server:
    """A `Home` on a Postgres server. Its role must be allowed to create databases."""

    def __init__(self, url: URL, schema: Schema, run: str, keeping: Keeping) -> None:
        self._url = url
        self._schema = schema
        self._run = run
        self._base = Base.of(urls.base_name(url))
        self._keeping = keeping
        self._kept = _to_keep(schema, url, run) if keeping.reuse else None
        self._template = ""
        self._owned: set[str] = set()
        self._owner = Owner(url)
        try:
            self._reap()
            self._template = self._found_or_built()
        except BaseException:
            self._owner.close()
            raise

    def clone(self, role: str) -> URL:
        name = self._base.name(self._run, role)
        self._own(name)
        self._copy(name)
        return self._url.set(database=name)

    def renew(self, url: URL) -> None:
        name = url.database or ""
        self._owner.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._copy(name)

    def drop(self, url: URL) -> None:
        name = url.database or ""
        self._owner.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._owned.discard(name)
        self._owner.unlock(name)

    def close(self) -> None:
        try:
            if self._kept:
                # Still holding our lock: two runs that each replace the other's template would
                # leave none.
                self._reap()
            else:
                self._owner.unlock(self._template, shared=True)
                self._owned.discard(self._template)
                self._reap()  # drops the template too, if no other worker uses it
        finally:
            self._owner.close()

    def probe(self, url: URL) -> PostgresProbe:
        return PostgresProbe(url)

    def _own(self, name: str) -> None:
        self._owner.lock(name)
        self._owned.add(name)

    def _copy(self, name: str) -> None:
        for attempt in range(_TRIES):
            try:
                self._owner.run("CREATE DATABASE {} TEMPLATE {}", name, self._template)
            except psycopg.errors.ObjectInUse:
                # Somebody connected to the template, although nobody has a reason to.
                if attempt == _TRIES - 1:
                    raise
                self._shut(self._template)
            else:
                return

    # Templates

    def _found_or_built(self) -> str:
        """Return the name of the complete template, with our lock on it."""
        alone = f"{self._base.slug} {self._kept.fingerprint if self._kept else self._run}"
        self._owner.lock(alone)
        try:
            name = self._found()
            if name:
                self._shut(name)  # somebody may have connected
            else:
                name = self._base.name(self._run, TEMPLATE)
                self._owner.lock(name, shared=True)
                self._build(name)
            self._owned.add(name)
            return name
        finally:
            self._owner.unlock(alone)

    def _found(self) -> str:
        for name, note in listed(self._owner, self._base):
            if self._fits(name, note):
                self._owner.lock(name, shared=True)
                there = dict(listed(self._owner, self._base))
                if name in there:  # nobody dropped it before we had the lock
                    return name
                self._owner.unlock(name, shared=True)
        return ""

    def _fits(self, name: str, note: TemplateNote | None) -> bool:
        if self._kept is None:
            return name == self._base.name(self._run, TEMPLATE)
        if note is None or note.fingerprint != self._kept.fingerprint:
            return False
        return note.run == self._run or not self._keeping.create

    def _build(self, name: str) -> None:
        """Build the template under another name, close it to connections, and rename it."""
        from sqlalchemy import NullPool, create_engine

        building = self._base.name(self._run, BUILDING)
        self._own(building)
        try:
            self._owner.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", building)
            try:
                self._owner.run("CREATE DATABASE {}", building)
            except psycopg.errors.InsufficientPrivilege as error:
                role = self._url.username
                raise RefusedError(f"{error}: write ALTER ROLE {role} CREATEDB") from None
            engine = create_engine(self._url.set(database=building), poolclass=NullPool)
            with engine.connect() as connection:
                self._schema.create(connection)
                connection.commit()
            self._shut(building)
            if self._kept:
                self._owner.note(building, str(self._kept))
            self._owner.run("ALTER DATABASE {} RENAME TO {}", building, name)
        finally:
            self._owner.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", building)
            self._owned.discard(building)
            self._owner.unlock(building)

    def _shut(self, name: str) -> None:
        """Close a database to connections and end the open ones, so that it can be cloned."""
        self._owner.run("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        self._owner.end_users(name)

    # Databases that nobody owns

    def _reap(self) -> None:
        reap(
            self._owner,
            self._base,
            lambda name, note: name in self._owned or self._stays(name, note),
        )

    def _stays(self, name: str, note: TemplateNote | None) -> bool:
        """Return whether a template waits for a later run: kept, and not replaced by ours."""
        return note is not None and (self._kept is None or self._fits(name, note))


def _to_keep(schema: Schema, url: URL, run: str) -> TemplateNote:
    fingerprint = schema.fingerprint(url)
    if fingerprint is None:
        raise RefusedError(f"--reuse-db cannot tell when the schema changed: write {CREATE}")
    return TemplateNote(fingerprint, run)
