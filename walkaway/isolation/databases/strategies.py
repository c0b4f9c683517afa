"""Carry out the strategies that keep a database the same from test to test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy.orm import Session

from walkaway.isolation.databases.database import Database
from walkaway.isolation.databases.marker import Strategy
from walkaway.isolation.databases.provider import LockedError, NotPutBackError


class StillInUseError(Exception):
    """A test has ended but somebody still used its database; it was restored without them."""


@contextlib.contextmanager
def around(database: Database, strategy: Strategy) -> Iterator[None]:
    """Apply a strategy around a test. The sessions themselves handle rollback."""
    if strategy not in {Strategy.TRUNCATE, Strategy.CLONE}:
        yield
        return
    put_back(database)  # resets the sequences too, which earlier rollbacks left advanced
    try:
        yield
    finally:
        if strategy is Strategy.TRUNCATE:
            put_back(database)
        else:
            database.renew()


def put_back(database: Database) -> None:
    """Empty the touched tables, or recreate the database where that is not enough.

    Raises:
        StillInUseError: Somebody held a lock. The database was recreated all the same.
        NotPutBackError: The database needs to be recreated and cannot be.
    """
    try:
        why = database.contents.put_back()
    except LockedError as error:
        try:
            database.renew()
        except NotPutBackError:
            raise NotPutBackError(f"{error}\nnothing was restored") from None
        raise StillInUseError(
            f"{error}\nclose it before the test ends; its connection was ended now"
        ) from None
    if why:
        database.renew()


@contextlib.contextmanager
def rolled_back(database: Database) -> Iterator[Session]:
    """Yield a session in a transaction that is rolled back. Its commits are savepoints."""
    with database.engine.connect() as connection:
        outer = connection.begin()
        try:
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                yield session
        finally:
            whole = outer.is_active
            if whole:
                outer.rollback()
        if not whole:
            raise StillInUseError(ENDED)


@contextlib.contextmanager
def plain(database: Database) -> Iterator[Session]:
    """Yield a session whose commits are real commits."""
    with Session(database.engine) as session:
        yield session


ENDED = (
    "the test ended the transaction around it, by commit() or rollback() of the connection "
    'itself; use the session\'s, or @pytest.mark.database("truncate")'
)
