"""Asynchronous sessions for the strategies. Each opens and closes its connection in one loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from walkaway.isolation.databases.database import Database
from walkaway.isolation.databases.strategies import ENDED, StillInUseError


@contextlib.asynccontextmanager
async def rolled_back(database: Database) -> AsyncIterator[AsyncSession]:
    """Yield a session in a transaction that is rolled back. Its commits are savepoints."""
    async with database.async_engine.connect() as connection:
        outer = await connection.begin()
        try:
            async with AsyncSession(
                connection, join_transaction_mode="create_savepoint", expire_on_commit=False
            ) as session:
                yield session
        finally:
            whole = outer.is_active
            if whole:
                await outer.rollback()
        if not whole:
            raise StillInUseError(ENDED)


@contextlib.asynccontextmanager
async def plain(database: Database) -> AsyncIterator[AsyncSession]:
    """Yield a session whose commits are real commits."""
    async with AsyncSession(database.async_engine, expire_on_commit=False) as session:
        yield session
