"""Databases in this very process, for looks into the clean-up itself."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from walkaway.isolation.databases import Schema, urls
from walkaway.isolation.databases.database import Database
from walkaway.isolation.databases.postgres.server import Server
from walkaway.isolation.databases.provider import Home, Keeping
from walkaway.isolation.databases.sqlite.folder import Folder, Folders

ADD = "INSERT INTO {} DEFAULT VALUES"
TABLES = """
CREATE TABLE kinds (id {id}, name text);
CREATE TABLE people (id {id}, name text);
CREATE TABLE pets (id {id}, owner int REFERENCES people, kind int REFERENCES kinds);
CREATE TABLE toys (id {id}, pet int REFERENCES pets);
CREATE TABLE rocks (id {id}, name text);
INSERT INTO kinds (name) VALUES ('cat');
"""
ON_POSTGRES = """
CREATE SEQUENCE odd START 7;
CREATE SCHEMA apart;
CREATE TABLE apart."Odd name" (id int);
CREATE TABLE days (day int) PARTITION BY LIST (day);
CREATE TABLE days_1 PARTITION OF days FOR VALUES IN (1);
SELECT setval('rocks_id_seq', 100);
CREATE MATERIALIZED VIEW names AS SELECT name FROM people;
"""


def schema(connection: Connection) -> None:
    server = connection.dialect.name == "postgresql"
    made = TABLES.format(id="serial PRIMARY KEY" if server else "INTEGER PRIMARY KEY AUTOINCREMENT")
    for statement in (made + ON_POSTGRES * server).split(";"):
        if statement.strip():
            connection.execute(text(statement))


def opened(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    run = secrets.token_hex(5)
    if kind == "sqlite":
        folders = Folders(tmp_path, tmp_path, tmp_path)
        return Folder(make_url("sqlite://"), Schema.by(schema), run, Keeping(), folders)
    url = urls.parsed(request.getfixturevalue("postgres_url"))
    return Server(url, Schema.by(schema), run, Keeping())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.engine)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    yield from _database(request.param, request, tmp_path)


@pytest.fixture
def on_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    yield from _database("postgres", request, tmp_path)


def _database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    home = opened(kind, request, tmp_path)
    made = Database(home, home.clone("main"))
    assert made.contents.pristine.tables["kinds"].count == 1
    yield made
    made.close()
    home.close()


def run(database: Database, *statements: str) -> list[Any]:
    """Carry statements out and commit; the first column of the last one's rows."""
    with database.engine.begin() as connection:
        for statement in statements[:-1]:
            connection.execute(text(statement))
        result = connection.execute(text(statements[-1]))
        return list(result.scalars()) if result.returns_rows else []


def is_pristine(database: Database) -> bool:
    """Look with other eyes than the clean-up's."""
    counts = [run(database, f"SELECT count(*) FROM {name}")[0]  # noqa: S608 - names of this module
              for name in ("people", "pets", "toys", "rocks")]  # fmt: skip
    return counts == [0, 0, 0, 0] and run(database, "SELECT name FROM kinds") == ["cat"]


class Renewals:
    """Counts how often a database is made anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real = Database.renew

        def renew(database: Database) -> None:
            self.count += 1
            real(database)

        monkeypatch.setattr(Database, "renew", renew)


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> Renewals:
    return Renewals(monkeypatch)
