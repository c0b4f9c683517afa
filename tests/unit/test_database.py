"""URLs of databases, and tables that are made once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app import database
from app.models import Base, Conversation, User


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@db:5432/x", "postgresql+psycopg"),
        ("postgresql+psycopg2://u:p@db/x", "postgresql+psycopg"),
        ("sqlite:////tmp/x.db", "sqlite+aiosqlite"),
    ],
)
def test_a_url_gets_the_driver_of_the_platform(given: str, driver: str) -> None:
    made = database.async_url(given)
    assert made.drivername == driver
    assert (
        made.render_as_string(hide_password=False).partition("://")[2]
        == given[given.index("://") + 3 :]
    )


def test_a_prepared_file_has_the_tables_and_a_write_ahead_log(tmp_path: Path) -> None:
    for _ in range(2):
        database.prepare(f"sqlite:///{tmp_path / 'x.db'}")
    with closing(sqlite3.connect(tmp_path / "x.db")) as found:
        names = {
            name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        assert found.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert names - {"sqlite_sequence"} == set(Base.metadata.tables)


async def test_tables_that_are_missing_are_made_by_the_first_connection(tmp_path: Path) -> None:
    made = database.connect(f"sqlite:///{tmp_path / 'x.db'}")
    await made.check()
    async with made.read() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 0
    await made.close()


async def test_writers_that_read_first_wait_for_each_other(tmp_path: Path) -> None:
    """Without the lock at BEGIN, all but one would be refused, however long they waited."""
    made = database.connect(f"sqlite:///{tmp_path / 'x.db'}")
    await made.check()

    async def add(number: int) -> None:
        async with made.write.begin() as session:
            await session.scalar(select(func.count()).select_from(User))
            await asyncio.sleep(0)
            session.add(User(email=f"{number}@x.y", password_hash=""))

    await asyncio.gather(*map(add, range(10)))
    async with made.read() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 10
    await made.close()


async def test_what_belongs_to_a_user_goes_with_the_user(tmp_path: Path) -> None:
    made = database.connect(f"sqlite:///{tmp_path / 'x.db'}")
    async with made.write.begin() as session:
        user = User(email="a@b.c", password_hash="")
        session.add(user)
        await session.flush()
        session.add(Conversation(user_id=user.id, title="x"))
    async with made.write.begin() as session:
        await session.delete(user)
    async with made.read() as session:
        assert await session.scalar(select(func.count()).select_from(Conversation)) == 0
    await made.close()


async def test_the_id_of_a_deleted_user_is_nobody_elses(tmp_path: Path) -> None:
    made = database.connect(f"sqlite:///{tmp_path / 'x.db'}")
    ids = []
    for number in range(2):
        async with made.write.begin() as session:
            user = User(email=f"{number}@x.y", password_hash="")
            session.add(user)
            await session.flush()
            ids.append(user.id)
            await session.delete(user)
    assert len(set(ids)) == 2
    await made.close()
