"""Choose and open the home for a database URL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from walkaway.isolation import identity
from walkaway.isolation.databases import run_cleanup, urls
from walkaway.isolation.databases.provider import Home, Keeping, RefusedError
from walkaway.isolation.databases.schema import CREATE, Schema
from walkaway.isolation.databases.sqlite.folder import Folder, Folders


@contextlib.contextmanager
def opened(
    config: pytest.Config, text: str, schema: Schema, factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """Open the home of this process. Its errors fail the test with text for the user."""
    keeping = Keeping(*(bool(config.getoption(name, None)) for name in ("reuse_db", "create_db")))
    if not isinstance(schema, Schema):
        pytest.fail(
            f"the fixture database_schema returned a {type(schema).__name__}, and no Schema: "
            f"write Schema.of(metadata) or {CREATE}",
            pytrace=False,
        )
    try:
        url = urls.parsed(text)
        home = _home(config, url, schema, keeping, factory)
    except RefusedError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    try:
        yield home
    finally:
        home.close()
        if not urls.is_sqlite(url):
            run_cleanup.send_url(config, text)


def _home(
    config: pytest.Config,
    url: URL,
    schema: Schema,
    keeping: Keeping,
    factory: pytest.TempPathFactory,
) -> Home:
    run = identity.of(config).run
    if not urls.is_sqlite(url):
        from walkaway.isolation.databases.postgres.server import Server

        return Server(url, schema, run, keeping)
    base = factory.getbasetemp()
    common = base.parent if identity.of(config).parallel else base
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if keeping.reuse and cache is None:
        raise RefusedError(
            "--reuse-db keeps SQLite files in pytest's cache: not with no:cacheprovider"
        )
    kept = cache.mkdir("walkaway-databases") if keeping.reuse and cache else common
    return Folder(url, schema, run, keeping, Folders(factory.mktemp("databases"), common, kept))
