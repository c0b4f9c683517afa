"""pytest fixtures and options for test databases.

A project overrides `database_url` and `database_schema`; tests ask for the other fixtures. Must not
import SQLAlchemy before a test asks for one of them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from walkaway.isolation import identity, leak_watch, xfail_leftovers
from walkaway.isolation.databases import libraries, marker, run_cleanup
from walkaway.isolation.databases.marker import Choice, Strategy

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from walkaway.isolation.databases.database import Database
    from walkaway.isolation.databases.provider import Home
    from walkaway.isolation.databases.schema import Schema

pytest_plugins = ("walkaway.isolation.async_fixture", "walkaway.isolation.databases.async_fixtures")

_SCHEMA_MISSING = """\
no schema for the test database: write in conftest.py

@pytest.fixture(scope="session")
def database_schema():
    return Schema.of(Base.metadata)  # from walkaway.isolation.databases import Schema
"""
_NUMBERS = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("walkaway")
    for option, meaning in (
        ("--reuse-db", "keep the template of the test databases, while the schema is the same"),
        ("--create-db", "make a new template even if one was kept"),
    ):
        with contextlib.suppress(ValueError):  # another plugin has the option: its value is used
            group.addoption(option, action="store_true", default=False, help=meaning)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", marker.HELP)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Note the end of an xdist worker."""
    run_cleanup.note(node, error)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove what crashed workers left on a server."""
    run_cleanup.clear(session.config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse a `database` marker that makes no sense, before any test runs."""
    try:
        _chosen(metafunc.definition, metafunc.fixturenames)
    except ValueError as error:
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(f"{where}: marker database: {error}") from None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make the marker work for tests that use `test_database` without our sessions."""
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        marked = item.get_closest_marker(marker.NAME) is not None
        if marked and "test_database" in names and "database_case" not in names:
            names.append("database_case")


@pytest.fixture(scope="session")
def database_url() -> str:
    """URL of the database beside which test databases are made; it is never touched itself.

    `postgresql://…` or `sqlite:///…`. Default: DATABASE_URL of the environment, else SQLite.
    Override it in conftest.py where that is wrong. Scope: session.
    """
    return os.environ.get("DATABASE_URL") or "sqlite://"


@pytest.fixture(scope="session")
def database_schema() -> Schema:
    """The `Schema` that test databases start with. Each project overrides it in conftest.py.

    Scope: session.
    """
    pytest.fail(_SCHEMA_MISSING, pytrace=False)


@pytest.fixture(scope="session")
def database_home(
    request: pytest.FixtureRequest,
    database_url: str,
    database_schema: Schema,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Home]:
    """Internal: creates the databases of this process. The first test that needs one opens it."""
    # Names both fixtures: pytest repeats a session fixture's error for every test that asks.
    libraries.need_sync("test_database or test_db", database_url)
    from walkaway.isolation.databases import providers

    with providers.opened(request.config, database_url, database_schema, tmp_path_factory) as home:
        yield home


@pytest.fixture(scope="session")
def test_database(request: pytest.FixtureRequest, database_home: Home) -> Iterator[Database]:
    """The database of this worker: a clone of the schema's template.

    Scope: session. Costs 20 to 60 ms per worker, plus building the schema once per run. What a test
    commits here is not undone automatically: mark the test with
    ``@pytest.mark.database("truncate")``, or use `db_session` or `transactional_db`. The leak check
    names a test that left rows, and removes them.
    """
    from walkaway.isolation.databases.database import Database
    from walkaway.isolation.databases.leak_watch import RowWatch

    worker = identity.of(request.config).worker
    database = Database(database_home, database_home.clone(worker))
    try:
        watch = RowWatch(database)
        leak_watch.add(request.config, watch)
        yield database
        leak_watch.remove(request.config, watch)
    finally:
        database.close()


@pytest.fixture
def test_db(request: pytest.FixtureRequest, database_home: Home) -> Iterator[Database]:
    """A database for this test alone: nothing gets in or out.

    Scope: function. Costs 20 to 60 ms. Use it for tests that alter tables, need several connections
    that commit, or check ids. Roles, tablespaces and server settings are still shared.
    """
    from walkaway.isolation.databases.database import Database

    worker = identity.of(request.config).worker
    database = Database(database_home, database_home.clone(f"{worker}x{next(_NUMBERS)}"))
    yield database
    database.close()


@pytest.fixture
def database_case(request: pytest.FixtureRequest) -> Iterator[tuple[Database, Choice]]:
    """Internal: the database of this test's sessions, and the strategy that keeps it clean."""
    names = request.fixturenames
    try:
        chosen = _chosen(request.node, names)
    except ValueError as error:  # the marker came with a parameter, so collection did not see it
        raise pytest.fail.Exception(f"marker database: {error}", pytrace=False) from None
    url: str = request.getfixturevalue("database_url")
    session = next((name for name in names if name in marker.SESSIONS), "a database session")
    libraries.need_sync(session, url)
    from walkaway.isolation.databases import shared_database, strategies

    with contextlib.ExitStack() as stack:
        if chosen.shared:
            who = identity.of(request.config)
            database = stack.enter_context(shared_database.opened(url, chosen.strategy, who))
        else:
            separate = chosen.strategy is Strategy.SEPARATE
            database = request.getfixturevalue("test_db" if separate else "test_database")
        stack.enter_context(_failing_plainly())
        stack.enter_context(strategies.around(database, chosen.strategy))
        yield database, chosen


@pytest.fixture
def transactional_db(database_case: tuple[Database, Choice]) -> Iterator[Session]:
    """A synchronous SQLAlchemy session. After the test the database is as before.

    Scope: function. Costs 1 to 2 ms. By default the test runs in a transaction that is rolled back:
    its commits, rollbacks and nested transactions work, as savepoints. This does not isolate what
    other connections commit (threads, subprocesses, services; the leak check names the test), nor
    sequences: the next id is not 1. The marker `database` picks another strategy.
    """
    from walkaway.isolation.databases import strategies

    database, chosen = database_case
    rollback = chosen.strategy is Strategy.ROLLBACK
    with (
        _failing_plainly(),
        (strategies.rolled_back if rollback else strategies.plain)(database) as session,
    ):
        yield session


@pytest.fixture
def clean_db(database_case: tuple[Database, Choice]) -> Iterator[Session]:
    """A synchronous session with real commits. After the test the tables it touched are emptied.

    Scope: function. Costs 3 to 8 ms when few tables were touched. Ids begin at 1 again. Changed
    rows of the schema, and altered or dropped tables, cost a clone. Does not isolate a connection
    that still writes after the test.
    """
    from walkaway.isolation.databases import strategies

    database, chosen = database_case
    if chosen.strategy is not Strategy.TRUNCATE:
        pytest.fail("ask for clean_db in the test's arguments, not by getfixturevalue")
    with strategies.plain(database) as session:
        yield session


@contextlib.contextmanager
def _failing_plainly() -> Iterator[None]:
    """Fail with a message for the user, without a traceback through the library."""
    from walkaway.isolation.databases.provider import NotPutBackError
    from walkaway.isolation.databases.strategies import StillInUseError

    try:
        yield
    except (NotPutBackError, StillInUseError) as error:
        xfail_leftovers.fail(str(error))


def _chosen(node: pytest.Item, fixtures: list[str]) -> Choice:
    serial = node.get_closest_marker("serial") is not None
    return marker.choice(node.get_closest_marker(marker.NAME), marker.Test(serial, fixtures))
