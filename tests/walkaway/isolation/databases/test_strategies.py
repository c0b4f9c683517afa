"""Tests of every strategy, mixed and in any order, find the database as the schema made it."""

from __future__ import annotations

import pytest

from tests.walkaway.isolation.databases.nested import Nested

TESTS = 40
MIXED = '''
import pytest
from conftest import Country, Note, User
from sqlalchemy import func, select, text

TIMES = pytest.mark.parametrize("time", range(3))
COUNTS = select(func.count(User.id)), select(func.count(Note.id))


def use(session, first_id):
    """Find nothing but what the schema made; then commit, roll back, nest, and commit again."""
    assert [session.scalar(count) for count in COUNTS] == [0, 0]
    assert session.scalars(select(Country.name).order_by(Country.id)).all() == ["Chad", "Peru"]
    user = User(name="same", country=1)
    session.add(user)
    session.commit()
    assert not first_id or user.id == 1
    session.add(User(name="undone"))
    session.flush()
    session.rollback()
    with pytest.raises(ZeroDivisionError), session.begin_nested():
        session.add(User(name="undone as well"))
        session.flush()
        1 / 0
    with session.begin_nested():
        session.add(Note(owner=user.id, text="a"))
    session.commit()
    assert [session.scalar(count) for count in COUNTS] == [1, 1]


def damage(session):
    session.execute(text("UPDATE countries SET name = 'Oz'"))
    session.execute(text("DROP TABLE notes"))
    session.execute(text("CREATE TABLE more (id int)"))
    session.commit()


@TIMES
def test_by_default(transactional_db, time):
    use(transactional_db, False)


@TIMES
async def test_asynchronously(db_session, time):
    await db_session.run_sync(use, False)


@TIMES
def test_damage_rolled_back(transactional_db, time):
    use(transactional_db, False)
    damage(transactional_db)


@TIMES
def test_cleaned(clean_db, time):
    use(clean_db, True)


@pytest.mark.database("truncate")
class TestTruncated:
    @TIMES
    def test_truncated(self, transactional_db, time):
        use(transactional_db, True)

    @TIMES
    async def test_asynchronously(self, db_session, time):
        await db_session.run_sync(use, True)

    @TIMES
    def test_rows_of_the_schema_changed(self, transactional_db, time):
        use(transactional_db, True)
        transactional_db.execute(text("DELETE FROM notes"))
        transactional_db.execute(text("DELETE FROM users"))
        transactional_db.execute(text("DELETE FROM countries WHERE id = 2"))
        transactional_db.commit()

    @TIMES
    def test_damage_of_what_cannot_be_truncated(self, transactional_db, time):
        use(transactional_db, True)
        damage(transactional_db)

    @TIMES
    def test_without_our_session(self, test_database, time):
        with test_database.engine.begin() as connection:
            connection.execute(User.__table__.insert().values(name="same"))

    def test_without_any_fixture_of_its_own(self, test_database):
        with test_database.engine.begin() as connection:
            connection.execute(User.__table__.insert().values(name="same"))


@pytest.mark.database("clone")
class TestCloned:
    @TIMES
    def test_cloned(self, transactional_db, time):
        use(transactional_db, True)
        damage(transactional_db)

    @TIMES
    async def test_asynchronously(self, db_session, time):
        await db_session.run_sync(use, True)
        await db_session.run_sync(damage)


@TIMES
def test_separate(test_db, test_database, time):
    assert test_db.name != test_database.name
    for database in (test_db,):
        with database.engine.begin() as connection:
            user = connection.execute(User.__table__.insert().values(name="same"))
            assert user.inserted_primary_key == (1,)
            connection.execute(text("DROP TABLE notes"))


@pytest.mark.database("separate")
@TIMES
async def test_separate_session(db_session, test_db, time):
    await db_session.run_sync(use, True)
    with test_db.connect() as connection:
        assert connection.scalar(COUNTS[0]) == 1
'''


@pytest.mark.parametrize("args", [(), ("-n", "2"), ("-n", "4")], ids=" ".join)
def test_every_strategy_beside_every_other(project: Nested, args: tuple[str, ...]) -> None:
    """Also in random order, another one each time: the seed is in the output."""
    project.write("test_mixed.py", MIXED)
    done = project.run(*args)
    assert done.code == 0, done.described
    assert len(done.passed) == TESTS
    assert project.created() == 1
    if project.server:
        assert project.databases() == []
