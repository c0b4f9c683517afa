"""The platform's tables, buckets and search on stores that each test has to itself.

Without services: in Compose on Postgres and Redis, else on SQLite and a Redis in the process.
"""

from __future__ import annotations

import pytest
import redis
import redis.asyncio
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.gateway.limits import Limits
from app.kb.ranking import rank
from app.models import Conversation, Message, User
from app.ratelimit import Rate
from tests.fixtures.factories import MakeUser
from walkaway.isolation.databases.database import Database

USERS = select(func.count()).select_from(User)


def ann() -> User:
    return User(email="ann@example.com", password_hash="")


@pytest.mark.parametrize("turn", range(2))
def test_an_address_is_registered_once_whichever_test_comes_first(
    transactional_db: Session, turn: int
) -> None:
    assert transactional_db.scalar(USERS) == 0, turn
    transactional_db.add(ann())
    transactional_db.commit()
    transactional_db.add(ann())
    with pytest.raises(IntegrityError):
        transactional_db.commit()
    transactional_db.rollback()
    assert transactional_db.scalar(USERS) == 1


async def test_all_that_a_user_said_goes_with_the_user(db_session: AsyncSession) -> None:
    user = ann()
    db_session.add(user)
    await db_session.flush()
    talk = Conversation(user_id=user.id, title="talk", messages=[Message(role="user", content="a")])
    db_session.add(talk)
    await db_session.commit()
    await db_session.delete(user)
    await db_session.commit()
    assert await db_session.scalar(select(func.count()).select_from(Message)) == 0


@pytest.mark.parametrize("turn", range(2))
def test_what_is_committed_is_seen_by_others_and_ids_begin_at_one(
    clean_db: Session, test_database: Database, turn: int
) -> None:
    clean_db.add(ann())
    clean_db.commit()
    with test_database.connect() as other:
        assert other.scalar(select(User.id)) == 1, turn


def test_a_migration_can_be_tried_on_a_database_of_the_tests_own(test_db: Database) -> None:
    with test_db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE users ADD COLUMN nickname VARCHAR(50)"))
    columns = {column["name"] for column in inspect(test_db.engine).get_columns("users")}
    assert "nickname" in columns


@pytest.mark.database(shared=True)
def test_who_registers_through_the_services_is_in_their_database(
    transactional_db: Session, make_user: MakeUser
) -> None:
    user = make_user()
    assert transactional_db.scalar(select(User.email).where(User.id == user.id)) == user.email


@pytest.mark.parametrize("turn", range(2))
async def test_a_bucket_is_full_for_each_test(async_redis: redis.asyncio.Redis, turn: int) -> None:
    limits = Limits(async_redis)
    asked = [(await limits.ask("ann", Rate(1.0, 2), now_s=10.0)).allowed for _ in range(3)]
    assert asked == [True, True, False], turn


async def test_a_bucket_that_is_full_again_is_no_key(
    test_redis: redis.Redis, async_redis: redis.asyncio.Redis
) -> None:
    await Limits(async_redis).ask("ann", Rate(1.0, 2))
    assert 0 < test_redis.ttl("rate:ann") <= 3


@pytest.mark.limit_memory("200 MB")
def test_five_thousand_documents_are_searched_in_bounded_memory(
    large_dataset: list[tuple[str, str]],
) -> None:
    hits = rank("alpha", large_dataset)
    assert len(hits) == len(large_dataset)
