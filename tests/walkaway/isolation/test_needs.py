"""A library that is not there: the fixture that wants it says so, and how it is had."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.walkaway.support.nested import SERIAL, Nested, Outcome

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in {library!r}.split():
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
pytest_plugins = ["walkaway.isolation"]

import pytest
from walkaway.isolation.databases import Schema

@pytest.fixture(scope="session")
def database_schema():
    return Schema.by(lambda connection: None)
"""
POSTGRES = "postgresql://me:secret@127.0.0.1:1/db"
REDIS = "redis://:secret@127.0.0.1:1/0"
DATABASES = {
    "transactional_db": "transactional_db",
    "clean_db": "clean_db",
    "db_session": "db_session",
    "test_database": "test_database or test_db",
    "test_db": "test_database or test_db",
}
"""Fixtures, and what they are called in their errors."""
STORES = dict.fromkeys(
    ("test_redis", "async_redis", "worker_redis"), "test_redis, async_redis or worker_redis"
)


def without(nested: Nested, library: str, fixtures: Iterable[str], *args: str) -> Outcome:
    """Run a test a fixture where a library cannot be imported, and one that needs none."""
    nested.write("conftest.py", WITHOUT.format(library=library))
    tests = [f"async def test_{name}({name}): pass\n" for name in fixtures]
    nested.write("test_it.py", "".join((*tests, "def test_other(tmp_path): pass\n")))
    ended = nested.run(*SERIAL, *args)
    wrong = {f"test_{name}": ("error",) for name in fixtures}
    assert ended.tests == {**wrong, "test_other": ("passed",)}, ended
    assert "secret" not in ended.text
    return ended


def error_lines(ended: Outcome, fixture: str) -> list[str]:
    """Return the whole of a test's error, behind the line in which pytest says when."""
    return ended.messages[f"test_{fixture}"].splitlines()[-2:]


def expected(fixture: str, library: str, extra: str) -> list[str]:
    return [
        f"{fixture} needs {library}: No module named '{library}'",
        f"Install it: pip install 'walkaway[{extra}]'",
    ]


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["serial", "two"])
def test_each_fixture_names_itself_and_the_library(nested: Nested, args: tuple[str, ...]) -> None:
    nested.environ["REDIS_URL"] = "memory://"
    ended = without(nested, "sqlalchemy fakeredis", (*DATABASES, *STORES), *args)
    for fixture, name in DATABASES.items():
        assert error_lines(ended, fixture) == expected(name, "sqlalchemy", "databases"), ended
    for fixture, name in STORES.items():
        assert error_lines(ended, fixture) == expected(name, "fakeredis", "redis"), ended
    assert "site-packages" not in ended.text
    assert "Traceback" not in ended.text


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_what_a_server_needs_is_named_too(nested: Nested, scheme: str) -> None:
    nested.environ |= {"DATABASE_URL": POSTGRES.replace("postgresql", scheme), "REDIS_URL": REDIS}
    ended = without(nested, "psycopg redis", (*DATABASES, *STORES))
    for fixture, name in DATABASES.items():
        assert error_lines(ended, fixture) == expected(name, "psycopg", "databases"), ended
    for fixture, name in STORES.items():
        assert error_lines(ended, fixture) == expected(name, "redis", "redis"), ended


@pytest.mark.parametrize("library", ["aiosqlite", "greenlet"])
def test_synchronous_fixtures_need_nothing_of_asynchronous_ones(
    nested: Nested, library: str
) -> None:
    nested.write(
        "test_sync.py",
        """
        def test_works(transactional_db, test_db): pass
        def test_engine(test_database): test_database.async_engine
        """,
    )
    nested.write("conftest.py", WITHOUT.format(library=library))
    nested.write("test_it.py", "async def test_db_session(db_session): pass\n")
    ended = nested.run(*SERIAL)
    assert ended.tests["test_works"] == ("passed",), ended
    assert error_lines(ended, "db_session") == expected("db_session", library, "databases"), ended
    assert error_lines(ended, "engine") == expected("async_engine", library, "databases"), ended


@pytest.mark.parametrize("library", ["pytest_asyncio", ""], ids=["missing", "switched off"])
def test_asynchronous_fixtures_say_that_nothing_runs_them(nested: Nested, library: str) -> None:
    nested.write("pytest.ini", "[pytest]\nfilterwarnings = error\n")
    nested.write("conftest.py", WITHOUT.format(library=library))
    nested.write(
        "test_it.py",
        """
        def test_db_session(db_session): pass
        def test_async_redis(async_redis): pass
        def test_works(transactional_db, test_redis): pass
        """,
    )
    ended = nested.run(*SERIAL, "-p", "no:asyncio")
    assert ended.tests["test_works"] == ("passed",), ended
    needs = "needs pytest-asyncio: it is not installed, or switched off by -p no:asyncio"
    for fixture in ("db_session", "async_redis"):
        assert error_lines(ended, fixture) == [
            f"{fixture} is asynchronous and {needs}",
            "Install it: pip install pytest-asyncio",
        ], ended


def test_a_library_that_is_there_and_cannot_work_says_why(nested: Nested) -> None:
    nested.environ["DATABASE_URL"] = POSTGRES
    ended = without(nested, "psycopg_binary psycopg_c psycopg.pq.pq_ctypes", ["test_db"])
    first, second = error_lines(ended, "test_db")
    assert first.startswith("test_database or test_db needs psycopg: no pq wrapper available")
    assert second == "Install it: pip install 'walkaway[databases]'"


def test_what_a_project_itself_lacks_is_not_ours_to_explain(nested: Nested) -> None:
    nested.conftest("""
        import pytest
        from walkaway.isolation.databases import Schema

        def create(connection):
            import nowhere

        @pytest.fixture(scope="session")
        def database_schema():
            return Schema.by(create)
    """)
    nested.write("test_it.py", "def test_it(test_db): pass\n")
    ended = nested.run(*SERIAL)
    assert "ModuleNotFoundError: No module named 'nowhere'" in ended.text
    assert "conftest.py:" in ended.text
    assert "pip install" not in ended.text
