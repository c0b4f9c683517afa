"""The asynchronous session fixture. Without pytest-asyncio, `async_fixture` refuses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from walkaway.isolation import async_fixture, xfail_leftovers
from walkaway.isolation.databases import libraries
from walkaway.isolation.databases.marker import Choice, Strategy

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from walkaway.isolation.databases.database import Database


@async_fixture.fixture
async def db_session(database_case: tuple[Database, Choice]) -> AsyncIterator[AsyncSession]:
    """An asynchronous SQLAlchemy session. After the test the database is as before.

    Scope: function. Costs 1 ms plus a new connection, because connections cannot cross event loops:
    5 ms together. Otherwise like `transactional_db`, but the two share no transaction. Objects stay
    readable after a commit (``expire_on_commit=False``), because reloading them would need an
    await.
    """
    database, chosen = database_case
    libraries.need_async("db_session", database.url)
    from walkaway.isolation.databases import async_sessions
    from walkaway.isolation.databases.strategies import StillInUseError

    rollback = chosen.strategy is Strategy.ROLLBACK
    opened = async_sessions.rolled_back if rollback else async_sessions.plain
    try:
        async with opened(database) as session:
            yield session
    except StillInUseError as error:
        xfail_leftovers.fail(str(error))
