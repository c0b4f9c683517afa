"""The environment's own database behind DATABASE_URL, which the services use too.

Nothing is created or dropped in it. Only for a test marked `clone` (and `serial`) is a copy taken
beforehand, which replaces the database afterwards. The services lose their connections both times,
and reconnect through `pool_pre_ping`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy.engine import URL

from walkaway.isolation.databases import urls
from walkaway.isolation.databases.database import Database
from walkaway.isolation.databases.marker import Strategy
from walkaway.isolation.databases.provider import Copy, NotPutBackError, Probe
from walkaway.isolation.identity import Identity

_WITHOUT = 'mark it @pytest.mark.database("clone", shared=True), which keeps a copy'


class Surroundings:
    """A `Home` for one existing database, which must be clean when this object is created."""

    def __init__(self, copy: Copy | None) -> None:
        self._copy = copy

    def clone(self, role: str) -> URL:
        raise NotImplementedError(f"no database {role} is made among those of the services")

    def renew(self, url: URL) -> None:
        if self._copy is None:
            raise NotPutBackError(
                f"the database {url.database!r} of the services cannot be restored by emptying "
                f"tables: {_WITHOUT}"
            )
        self._copy.put_back()

    def drop(self, url: URL) -> None:
        """Do nothing: the database belongs to the services."""

    def close(self) -> None:
        """Do nothing: the database belongs to the services."""

    def probe(self, url: URL) -> Probe:
        if urls.is_sqlite(url):
            from walkaway.isolation.databases.sqlite.probe import SqliteProbe

            return SqliteProbe(url)
        from walkaway.isolation.databases.postgres.probe import PostgresProbe

        return PostgresProbe(url)


@contextlib.contextmanager
def opened(text: str, strategy: Strategy, who: Identity) -> Iterator[Database]:
    """Open the services' database for one test."""
    url = urls.parsed(text)
    with contextlib.ExitStack() as stack:
        copy: Copy | None = None
        if strategy is Strategy.CLONE:
            copy = stack.enter_context(contextlib.closing(_copied(url, who)))
        database = Database(Surroundings(copy), url)
        stack.callback(database.close)
        yield database


def _copied(url: URL, who: Identity) -> Copy:
    if urls.is_sqlite(url):
        from walkaway.isolation.databases.sqlite.copy import SqliteCopy

        return SqliteCopy(url)
    from walkaway.isolation.databases.postgres.copy import PostgresCopy

    return PostgresCopy(url, who)
