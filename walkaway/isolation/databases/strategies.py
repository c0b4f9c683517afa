"""How a database gets from one test to the next as if nothing had been."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy.orm import Session

from walkaway.isolation.databases.database import Database
from walkaway.isolation.databases.marker import Strategy
from walkaway.isolation.databases.provider import LockedError, NotPutBackError


class StillInUseError(Exception):
    """A test has ended and someone still works in its database; it was made anew without him."""


@contextlib.contextmanager
def around(database: Database, strategy: Strategy) -> Iterator[None]:
    """Have a test work in a database by a strategy; a rollback is the sessions' own business."""
    if strategy not in {Strategy.TRUNCATE, Strategy.CLONE}:
        yield
        return
    put_back(database)  # sequences too, that earlier rollbacks left advanced
    try:
        yield
    finally:
        if strategy is Strategy.TRUNCATE:
            put_back(database)
        else:
            database.renew()


def put_back(database: Database) -> None:
    """Empty what was touched, or make all anew where that would not do.

    Raises:
        StillInUseError: Someone held a lock; the database is as new all the same.
    """
    try:
        why = database.contents.put_back()
    except LockedError as error:
        try:
            database.renew()
        except NotPutBackError:
            raise NotPutBackError(f"{error}\nnothing was put back") from None
        raise StillInUseError(
            f"{error}\nclose it before the test ends; its connection was ended now"
        ) from None
    if why:
        database.renew()


@contextlib.contextmanager
def rolled_back(database: Database) -> Iterator[Session]:
    """A session all of whose commits are savepoints of a transaction that is rolled back."""
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
    """A session whose commits are commits."""
    with Session(database.engine) as session:
        yield session


ENDED = (
    "the test ended the transaction around it, by commit() or rollback() of the connection "
    'itself; use the session\'s, or @pytest.mark.database("truncate")'
)
