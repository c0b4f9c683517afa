"""A connection to a server's maintenance database, and the locks that say who owns a database.

Session-level advisory locks end with their connection, however the process died. So a database
whose lock is free belongs to no living process. Advisory locks are separate in each database, so
every process must use the same maintenance database.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from walkaway.isolation.databases.names import lock_key
from walkaway.isolation.databases.provider import RefusedError

MAINTENANCE = "postgres"
"""Every cluster has this database. Where it cannot be used, the one in the URL is."""
APPLICATION = "walkaway"
CONNECT_S = 10
_END: LiteralString = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = %s AND pid <> pg_backend_pid()"
)


def connected(url: URL, database: str | None) -> psycopg.Connection:
    """Open an autocommit connection that the server does not close for idling."""
    connection = psycopg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=database,
        autocommit=True,
        **{"application_name": APPLICATION, "connect_timeout": CONNECT_S, **url.query},  # type: ignore[arg-type]  # libpq's parameters, as in the URL
    )  # fmt: skip
    if connection.info.server_version >= 14_00_00:  # noqa: PLR2004 - Postgres 14 introduced the setting
        connection.execute("SET idle_session_timeout = 0")
    return connection


class Owner:
    """Statements and locks of this process in the maintenance database."""

    def __init__(self, url: URL) -> None:
        try:
            try:
                self._connection = connected(url, MAINTENANCE)
            except psycopg.errors.ConnectionTimeout:
                raise
            except psycopg.OperationalError:
                self._connection = connected(url, url.database)
        except psycopg.OperationalError as error:
            where = url.render_as_string(hide_password=True)
            raise RefusedError(
                f"no test databases at {where}: {error}\n"
                "Start it, or correct the URL (DATABASE_URL, or the fixture database_url); "
                "sqlite:// needs no server."
            ) from None

    def run(self, statement: LiteralString, *names: str) -> None:
        """Run a statement. Each ``{}`` in it is replaced by a quoted name."""
        named = (sql.Identifier(name) for name in names)
        self._connection.execute(sql.SQL(statement).format(*named))

    def note(self, database: str, text: str) -> None:
        """Attach a note to a database, for whoever lists them."""
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
        self._connection.execute(comment.format(sql.Identifier(database), sql.Literal(text)))

    def ask(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values or None).fetchall()

    def end_users(self, database: str) -> None:
        """Terminate all connections to a database."""
        self.ask(_END, database)

    def lock(self, text: str, *, shared: bool = False) -> None:
        """Lock ``text`` until `unlock` or the end of this process. Waits for another owner."""
        self._locking("pg_advisory_lock", text, shared)

    def try_lock(self, text: str) -> bool:
        """Lock ``text`` if nobody else has it. Also True when this connection holds it already."""
        return bool(self.ask("SELECT pg_try_advisory_lock(%s)", lock_key(text))[0][0])

    def unlock(self, text: str, *, shared: bool = False) -> None:
        self._locking("pg_advisory_unlock", text, shared)

    def close(self) -> None:
        self._connection.close()

    def _locking(self, function: LiteralString, text: str, shared: bool) -> None:  # noqa: FBT001 - private
        call: LiteralString = f"SELECT {function}{'_shared' if shared else ''}(%s)"
        self.ask(call, lock_key(text))
