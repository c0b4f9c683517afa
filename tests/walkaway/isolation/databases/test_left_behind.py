"""A test that leaves something in its worker's database is named, and the next one is well."""

from __future__ import annotations

import pytest

from tests.walkaway.isolation.databases.nested import Nested

LEAVING = """
import asyncio, threading
import pytest
from conftest import Base, Country, User
from sqlalchemy import func, select, text

ADD = User.__table__.insert().values(name="left")


def in_thread(database, *statements):
    def commit():
        with database.engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)
    thread = threading.Thread(target=commit)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def check(session):
    assert session.scalar(select(func.count(User.id))) == 0
    assert session.scalars(select(Country.name).order_by(Country.id)).all() == ["Chad", "Peru"]
    assert session.execute(text("SELECT count(*) FROM notes")).scalar() == 0
    session.add(User(name="left", country=1))
    session.commit()


def test_00_nothing(transactional_db):
    check(transactional_db)

def test_01_LEAVES_a_commit_in_a_thread(transactional_db, test_database):
    check_before = transactional_db.scalar(select(func.count(User.id)))
    in_thread(test_database, ADD)

def test_02_next(transactional_db):
    check(transactional_db)

async def test_03_LEAVES_a_commit_in_a_thread_of_a_loop(db_session, test_database):
    await db_session.scalar(select(func.count(User.id)))
    await asyncio.to_thread(in_thread, test_database, ADD)

async def test_04_next(db_session):
    await db_session.run_sync(check)

def test_05_LEAVES_a_plain_commit(test_database):
    in_thread(test_database, ADD)

def test_06_next(transactional_db):
    check(transactional_db)

def test_07_LEAVES_a_dropped_table(test_database):
    in_thread(test_database, text("DROP TABLE notes"))

def test_08_next(transactional_db):
    check(transactional_db)

def test_09_LEAVES_a_changed_row_of_the_schema(test_database):
    in_thread(test_database, text("UPDATE countries SET name = 'Oz' WHERE id = 2"))

def test_10_next(transactional_db):
    check(transactional_db)

def test_11_LEAVES_a_column_and_a_table(test_database):
    in_thread(test_database, text("ALTER TABLE notes ADD COLUMN more int"),
              text("CREATE TABLE added (id int)"))

def test_12_next(transactional_db):
    check(transactional_db)

def test_13_LEAVES_what_the_session_itself_committed(transactional_db):
    check(transactional_db)
    transactional_db.bind.commit()

def test_14_next(transactional_db):
    check(transactional_db)

def test_15_LEAVES_by_a_bare_COMMIT(transactional_db):
    check(transactional_db)
    transactional_db.execute(text("COMMIT"))

def test_16_next(transactional_db):
    check(transactional_db)

def test_17_commits_nothing_of_a_thread(transactional_db, test_database):
    transactional_db.scalar(select(func.count(User.id)))
    with test_database.connect() as connection:
        connection.execute(ADD)
        connection.rollback()

@pytest.mark.database("truncate")
def test_18_truncated_with_its_threads(transactional_db, test_database):
    in_thread(test_database, ADD)

@pytest.mark.database("truncate")
async def test_19_truncated_with_its_threads(db_session, test_database):
    await asyncio.to_thread(in_thread, test_database, ADD)

def test_20_next(transactional_db):
    check(transactional_db)
"""
SAID = {
    "01": "rows: users: 1 more row",
    "03": "rows: users: 1 more row",
    "05": "rows: users: 1 more row",
    "07": "rows: table notes dropped",
    "09": "rows: countries: rows changed",
    "11": "rows: table added added",
    "13": "rows: users: 1 more row",
    "15": "rows: users: 1 more row",
}


def test_who_left_something_is_named_and_nobody_else(project: Nested) -> None:
    project.write("test_leaving.py", LEAVING)
    done = project.run("-p", "no:randomly")
    assert {name.split("_")[1]: SAID[name.split("_")[1]] in text for name, text in done.bad.items()
            if "_LEAVES_" in name} == dict.fromkeys(SAID, True), done.described  # fmt: skip
    assert len(done.bad) == len(SAID), done.described
    (said,) = [text for name, text in done.bad.items() if "the_session_itself" in name]
    assert "the test ended the transaction around it" in said


DRIFTING = """
import pytest
from conftest import User

@pytest.mark.parametrize("time", range(3))
def test_drift(transactional_db, time):
    for n in range(40):  # more than Postgres writes ahead
        transactional_db.add(User(name=f"{n}"))
    transactional_db.commit()

@pytest.mark.parametrize("time", range(3))
@pytest.mark.parametrize("fixture", [
    pytest.param("transactional_db", marks=pytest.mark.database("truncate")),
    pytest.param("transactional_db", marks=pytest.mark.database("clone")),
    pytest.param("transactional_db", marks=pytest.mark.database("separate")),
])
def test_ids(request, fixture, time):
    session = request.getfixturevalue(fixture)
    session.add(User(name="a"))
    session.commit()
    assert session.query(User).one().id == 1

@pytest.mark.parametrize("time", range(3))
def test_ids_in_a_clean_database(clean_db, time):
    clean_db.add(User(name="a"))
    clean_db.commit()
    assert clean_db.query(User).one().id == 1
"""


def test_sequences_drift_under_rollback_alone(project: Nested) -> None:
    project.write("test_drifting.py", DRIFTING)
    done = project.run("-p", "randomly")
    assert done.code == 0, done.described


WIDER = """
import pytest
from conftest import User

@pytest.fixture(scope="module")
def seeded(test_database):
    with test_database.engine.begin() as connection:
        connection.execute(User.__table__.insert().values(name="wide"))

def test_0_finds(seeded, transactional_db):
    assert transactional_db.query(User).one().name == "wide"

def test_1_LEAVES(seeded, test_database):
    with test_database.engine.begin() as connection:
        connection.execute(User.__table__.insert().values(name="left"))

def test_2_finds(seeded, transactional_db):
    names = {user.name for user in transactional_db.query(User)}
    assert names == {"wide", "left"}
"""


def test_rows_of_wider_fixtures_are_nobodys_and_stay(project: Nested) -> None:
    project.write("test_wider.py", WIDER)
    done = project.run("-p", "no:randomly")
    assert list(done.bad) == ["test_1_LEAVES"], done.described
    assert "rows: users: 1 more row" in done.bad["test_1_LEAVES"]


HOLDING = """
import pytest
from conftest import User

HELD = []

@pytest.fixture(scope="session", autouse=True)
def impatient():
    from walkaway.isolation.databases.postgres import probe as one
    from walkaway.isolation.databases.sqlite import probe as other
    from walkaway.isolation.databases.sqlite import copy
    one.LOCK_TIMEOUT_MS = other.LOCK_TIMEOUT_MS = 200
    copy.WAIT_S = 0.2
    yield
    for connection in HELD:
        connection.invalidate()
        connection.close()

def test_0_HOLDS(clean_db, test_database):
    clean_db.add(User(name="a"))
    clean_db.commit()
    connection = test_database.connect()
    HELD.append(connection)
    connection.execute(User.__table__.insert().values(name="b"))
    assert not {fails}

def test_1_next(clean_db):
    assert clean_db.query(User).count() == 0
    clean_db.add(User(name="b"))
    clean_db.commit()
"""


@pytest.mark.parametrize("fails", [False, True], ids=["passes", "fails-as-expected"])
def test_who_still_works_in_the_database_is_named(project: Nested, *, fails: bool) -> None:
    source = HOLDING.replace("def test_0", "@pytest.mark.xfail\ndef test_0") if fails else HOLDING
    project.write("test_holding.py", source.format(fails=fails))
    # The leak check has the connection for a leak, and would have its own way of being an error.
    options = ("-o", "leak_kinds=none") if fails else ()
    done = project.run("-p", "no:randomly", *options)
    assert list(done.bad) == ["test_0_HOLDS"], done.described
    said = done.bad["test_0_HOLDS"]
    assert said.startswith("call skipped: ") == fails
    assert "teardown failed: " in said
    if project.server:
        assert "users is locked by process" in said
        assert "idle in transaction for 0 s): INSERT INTO users" in said
    else:
        assert "is locked by a connection that still writes" in said
    assert "close it before the test ends" in said
