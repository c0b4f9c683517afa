"""What cannot be meant is refused before anything runs, with what to write."""

from __future__ import annotations

import re

import pytest

from tests.walkaway.isolation.databases.nested import Nested
from walkaway.isolation.databases import marker
from walkaway.isolation.databases.marker import Choice, Strategy

database = pytest.mark.database


@pytest.mark.parametrize(
    ("mark", "names", "said"),
    [
        (database("rolback"), (), "write one of 'rollback', 'truncate', 'clone', 'sep"),
        (database(["clone"]), (), "no such strategy: ['clone']"),
        (database("clone", "truncate"), (), "one strategy, not 2"),
        (database(), (), "no strategy, write"),
        (database("clone", share=True), (), "no such argument: share"),
        (database("clone", shared=1), ("serial",), "shared is True or False, not 1"),
        (database("rollback", shared=True), ("serial",), "does not undo what the services"),
        (database("separate", shared=True), ("serial",), "do not know a separate database"),
        (database("truncate", shared=True), (), "mark it serial too"),
        (database("clone", shared=True), (), "mark it serial too"),
        (database(shared=True), ("clean_db",), "mark it serial too"),
        (database("clone"), ("clean_db",), "use transactional_db"),
    ],
)
def test_refused(
    mark: pytest.MarkDecorator,
    names: tuple[str, ...],
    said: str,
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        marker.choice(mark.mark, marker.Test("serial" in names, names))


@pytest.mark.parametrize(
    ("mark", "names", "choice"),
    [
        (None, ("db_session",), Choice(Strategy.ROLLBACK)),
        (None, ("clean_db", "db_session"), Choice(Strategy.TRUNCATE)),
        (database("clone"), (), Choice(Strategy.CLONE)),
        (database(strategy="separate"), (), Choice(Strategy.SEPARATE)),
        (database("truncate"), ("clean_db",), Choice(Strategy.TRUNCATE)),
        (database(shared=True), (), Choice(Strategy.NONE, shared=True)),
        (database("truncate", shared=True), ("serial",), Choice(Strategy.TRUNCATE, shared=True)),
        (database("clone", shared=True), ("serial",), Choice(Strategy.CLONE, shared=True)),
    ],
)
def test_chosen(
    mark: pytest.MarkDecorator | None,
    names: tuple[str, ...],
    choice: Choice,
) -> None:
    assert (
        marker.choice(mark.mark if mark else None, marker.Test("serial" in names, names)) == choice
    )


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["serial", "two"])
def test_at_collection(on_sqlite: Nested, args: tuple[str, ...]) -> None:
    on_sqlite.write(
        "test_wrong.py",
        """
        import pytest

        def test_other(transactional_db): pass

        @pytest.mark.database("truncate", shared=True)
        class TestWrong:
            def test_it(self, transactional_db): pass
        """,
    )
    done = on_sqlite.run(*args)
    assert done.code in {1, 2}, done.described  # xdist runs what else was collected
    assert "test_wrong.py::TestWrong::test_it: marker database: 'truncate' takes" in done.output
    assert "Traceback" not in done.output
    assert "TestWrong::test_it" not in done.passed


def test_without_what_the_fixtures_need(on_sqlite: Nested) -> None:
    on_sqlite.write("conftest.py", 'pytest_plugins = ["walkaway.isolation"]\n')
    on_sqlite.write(
        "test_it.py",
        """
        import pytest
        def test_no_schema(transactional_db): pass
        @pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.database("no"))])
        def test_parameter(transactional_db, n): pass
        """,
    )
    on_sqlite.write("pytest.ini", "[pytest]\n")
    output = on_sqlite.run(plugins=(), DATABASE_URL="mysql://there").output
    assert "return Schema.of(Base.metadata)" in output
    assert "marker database: no such strategy: 'no'" in output
    assert "2 errors" in output
    assert "site-packages" not in output


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://there/db", "databases of the kind 'mysql' are not known"),
        ("nonsense", "not a database URL: 'nonsense'"),
        ("postgresql://me:secret@here:no/db", "not a database URL: 'postgresql://me:***@here:no"),
        (
            "postgresql://me:secret@127.0.0.1:1/db",
            "no test databases at postgresql+psycopg://me:***@",
        ),
        ("postgresql://me:secret@127.0.0.1:1/db", "sqlite:// needs no server"),
    ],
)
def test_urls(on_sqlite: Nested, url: str, said: str) -> None:
    on_sqlite.write("test_it.py", "def test_it(transactional_db): pass\n")
    done = on_sqlite.run(DATABASE_URL=url)
    assert done.bad["test_it"].count(said) == 1  # and not again as its own cause
    assert "site-packages" not in done.output
    assert "secret" not in done.output


def test_what_is_kept_needs_a_fingerprint(project: Nested) -> None:
    with (project.root / "conftest.py").open("a") as conftest:
        conftest.write("""
@pytest.fixture(scope="session")
def database_schema():
    return Schema.by(create)
""")
    project.write("test_it.py", "def test_it(transactional_db): pass\n")
    done = project.run("--reuse-db")
    assert "write Schema.by(create, fingerprint=" in done.bad["test_it"]


def test_a_schema_that_is_none_is_refused_and_what_fails_in_it_is_shown(
    on_sqlite: Nested,
) -> None:
    conftest = (on_sqlite.root / "conftest.py").read_text()
    on_sqlite.write("test_it.py", "def test_it(transactional_db): pass\n")
    for schema, said in (
        ("Base.metadata", "database_schema returned a MetaData, and no Schema: write Schema.of("),
        ("Schema.by(later)", "its connection is synchronous, write def create"),
        ("Schema.by(wrong)", "return int('wrong')"),
    ):
        on_sqlite.write(
            "conftest.py",
            f"""{conftest}
async def later(connection): pass
def wrong(connection):
    return int('wrong')
@pytest.fixture(scope="session")
def database_schema():
    return {schema}
""",
        )
        done = on_sqlite.run()
        assert said in done.bad["test_it"]
