"""The services' database: looked at by any test, emptied or cloned only by serial ones."""

from __future__ import annotations

import pytest

from tests.walkaway.isolation.databases.nested import Nested

SERVICES = """
import contextlib
import pytest
from conftest import Base, Country, User, create
from sqlalchemy import create_engine, delete, func, insert, select, text
from walkaway.isolation.databases import urls

ONE = select(func.count(User.id))


@pytest.fixture(scope="module", autouse=True)
def service(database_url):
    "A service: a pool of connections that stays, as its own process would have it."
    url = urls.parsed(database_url)
    if url.get_backend_name() == "postgresql":
        admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{url.database}"'))
    engine = create_engine(url, pool_pre_ping=True)
    if url.get_backend_name() == "sqlite":
        with engine.connect() as connection:  # as services do that are more than one
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with engine.begin() as connection:
        create(connection)
        connection.execute(insert(User).values(name="theirs"))
    yield engine
    engine.dispose()
    if url.get_backend_name() == "postgresql":
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{url.database}"'))
        admin.dispose()


def through(service, *statements):
    with service.begin() as connection:
        return [connection.execute(statement) for statement in statements]


@pytest.mark.database(shared=True)
def test_0_looks_and_makes_what_is_unique(service, transactional_db):
    through(service, insert(User).values(name="unique"))
    assert transactional_db.scalar(ONE) == 2
    transactional_db.execute(delete(User).where(User.name == "unique"))
    transactional_db.commit()

@pytest.mark.serial
@pytest.mark.database("clone", shared=True)
async def test_1_cloned(service, db_session):
    assert await db_session.scalar(ONE) == 1
    await db_session.commit()
    through(service, insert(User).values(name="more"), text("DROP TABLE notes"))
    await db_session.execute(insert(User).values(name="mine"))
    await db_session.commit()
    assert await db_session.scalar(ONE) == 3

@pytest.mark.serial
@pytest.mark.database("clone", shared=True)
def test_2_put_back(service, transactional_db):
    assert transactional_db.scalar(ONE) == 1
    assert transactional_db.execute(text("SELECT count(*) FROM notes")).scalar() == 0

@pytest.mark.serial
@pytest.mark.database("truncate", shared=True)
def test_3_EMPTIED(service, transactional_db):
    "Rows are more than there were: they cannot be told from those that were there."
    through(service, insert(User).values(name="more"))

@pytest.mark.serial
@pytest.mark.database("truncate", shared=True)
def test_4_emptied(service, clean_db):
    clean_db.execute(delete(User))
    clean_db.commit()

@pytest.mark.serial
@pytest.mark.database("truncate", shared=True)
def test_5_emptied(service, clean_db):
    assert clean_db.scalar(ONE) == 0
    clean_db.commit()
    through(service, insert(User).values(name="more"))

@pytest.mark.database(shared=True)
def test_6_was_emptied(service, transactional_db):
    assert transactional_db.scalar(ONE) == 0
"""


def test_the_database_of_the_services(project: Nested) -> None:
    project.write("test_services.py", SERVICES)
    done = project.run("-p", "no:randomly")
    said = "of the services cannot be restored by emptying tables: mark it @pytest.mark.database"
    assert {name: said in text for name, text in done.bad.items()} == {
        "test_3_EMPTIED": True, "test_4_emptied": True,
    }, done.described  # fmt: skip
    if project.server:
        assert project.databases() == []


@pytest.mark.engine
def test_a_copy_that_a_killed_test_left_goes_with_the_next_run(on_postgres: Nested) -> None:
    on_postgres.ask(f'CREATE DATABASE "{on_postgres.base}"')
    try:
        on_postgres.write(
            "test_services.py",
            """
            import os
            import pytest

            @pytest.mark.serial
            @pytest.mark.database("clone", shared=True)
            def test_dies(transactional_db):
                if "KILLED" in os.environ:
                    os._exit(1)

            def test_quick(transactional_db):
                pass
            """,
        )
        on_postgres.run("-k", "dies", KILLED="1")
        assert len(on_postgres.databases()) == 2
        assert on_postgres.run("-k", "quick").code == 0
        assert on_postgres.databases() == [on_postgres.base]
    finally:
        on_postgres.ask(f'DROP DATABASE "{on_postgres.base}"')
