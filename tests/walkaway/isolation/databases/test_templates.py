"""Templates: whole or not there, shared by a run's workers, kept only when asked for."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.walkaway.isolation.databases.nested import Nested

USING = """
import pytest
from conftest import User

@pytest.mark.parametrize("n", range(6))
def test_it(clean_db, n):
    clean_db.add(User(name="a"))
    clean_db.commit()
"""
OPEN = """
import psycopg, sqlite3

real = create
LEFT = []

def create(connection):
    real(connection)
    url = connection.engine.url
    if url.get_backend_name() == "sqlite":
        LEFT.append(sqlite3.connect(url.database))
    else:
        LEFT.append(psycopg.connect(url.set(drivername="postgresql").render_as_string(False)))
    LEFT[0].execute("SELECT 1")

@pytest.fixture(scope="session", autouse=True)
def closed():
    yield
    LEFT[0].close()
"""
BROKEN = """
import os
real = create

def create(connection):
    real(connection)
    connection.commit()
    if "BROKEN" in os.environ:
        raise ValueError("no more ideas")
"""


def test_someone_is_still_connected_to_the_template(project: Nested) -> None:
    with (project.root / "conftest.py").open("a") as conftest:
        conftest.write(OPEN)
    project.write("test_using.py", USING)
    done = project.run()
    assert done.code == 0, done.described


def test_someone_let_himself_into_a_kept_template(on_postgres: Nested) -> None:
    on_postgres.write("test_using.py", USING)
    assert on_postgres.run("--reuse-db").code == 0
    (name,) = on_postgres.databases()
    on_postgres.ask(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    url = make_url(on_postgres.server).set(database=name).render_as_string(hide_password=False)
    with contextlib.closing(psycopg.connect(url)) as connection:
        connection.execute("SELECT 1")
        done = on_postgres.run("--reuse-db")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert done.code == 0, done.described
    assert on_postgres.databases() == [name]
    assert on_postgres.ask(
        f"SELECT datallowconn FROM pg_database WHERE datname = '{name}'"  # noqa: S608 - made by us
    ) == [(False,)]


def test_without_options_it_is_made_once_a_run_and_goes_with_it(project: Nested) -> None:
    project.write("test_using.py", USING)
    done = project.run("-n", "2")
    assert done.code == 0, done.described
    assert project.created() == 1
    assert _kept(project) == 0


def test_kept_for_later_runs_while_the_schema_is_the_same(project: Nested) -> None:
    project.write("test_using.py", USING)
    for args, fingerprint, made in (
        (("--reuse-db",), "1", 1),
        (("--reuse-db",), "2", 2),  # which takes the place of the other
        (("--reuse-db", "--create-db", "-n", "2"), "2", 3),
        ((), "2", 4),  # leaves what is kept
        (("--reuse-db",), "2", 4),
    ):
        done = project.run("-p", "no:randomly", *args, FINGERPRINT=fingerprint)
        assert done.code == 0, done.described
        assert (args, project.created()) == (args, made)
        assert _kept(project) == 1


def test_a_schema_that_fails_leaves_nothing_and_the_next_run_is_well(project: Nested) -> None:
    with (project.root / "conftest.py").open("a") as conftest:
        conftest.write(BROKEN)
    project.write("test_using.py", USING)
    done = project.run("--reuse-db", BROKEN="1")
    assert done.code == 1
    assert all("no more ideas" in text for text in done.bad.values())
    assert _kept(project) == 0
    done = project.run("--reuse-db")
    assert done.code == 0, done.described


def _kept(project: Nested) -> int:
    if project.server:
        return len(project.databases())
    return len(list(project.root.glob(".pytest_cache/d/walkaway-databases/*.sqlite")))
