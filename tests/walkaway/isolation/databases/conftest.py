"""The scratch project of each test, once for SQLite and once for Postgres."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walkaway.isolation.databases.direct import database, on_server, renewals
from tests.walkaway.isolation.databases.nested import Nested

__all__ = ["database", "on_server", "renewals"]

STORES = ("sqlite", pytest.param("postgres", marks=pytest.mark.engine))


@pytest.fixture(params=STORES)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Nested:
    server = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    return Nested(tmp_path, server)


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_url: str) -> Nested:
    return Nested(tmp_path, postgres_url)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Nested:
    return Nested(tmp_path)
