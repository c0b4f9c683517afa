"""Scratch projects whose tests use databases, and real pytest sessions in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy.engine import make_url

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.scratch import clean_environ

TIME_LIMIT_S = 120
PLUGINS = ("-p", "asyncio", "-p", "xdist", "-p", "randomly")
CONFTEST = """
import json, os
import pytest
from sqlalchemy import ForeignKey, String, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from walkaway.isolation.databases import Schema

pytest_plugins = ["walkaway.isolation"]


class Base(DeclarativeBase):
    pass


class Country(Base):  # rows of the schema itself
    __tablename__ = "countries"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class User(Base):
    __tablename__ = "users"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    country: Mapped[int | None] = mapped_column(ForeignKey("countries.id"))


class Note(Base):
    __tablename__ = "notes"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(String(50))


def create(connection):
    with open(os.environ["REPORT"] + ".created", "a") as f:
        f.write("x")
    Base.metadata.create_all(connection)
    connection.execute(insert(Country), [{"id": 1, "name": "Chad"}, {"id": 2, "name": "Peru"}])


@pytest.fixture(scope="session")
def database_schema():
    return Schema.by(create, fingerprint=os.environ.get("FINGERPRINT", "1"))


def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with open(os.environ["REPORT"], "a") as f:
            line = [report.nodeid, report.when, report.outcome, report.longreprtext]
            f.write(json.dumps(line) + "\\n")
"""


@dataclass(frozen=True, slots=True)
class Result:
    """How a nested session ended; the text of each phase that was no success, by test name."""

    code: int
    output: str
    passed: frozenset[str]
    bad: dict[str, str]

    @property
    def described(self) -> str:
        return f"{self.bad}\n{self.output[-4000:]}"


@dataclass(slots=True)
class Nested:
    """One scratch project; ``server`` is the URL of a Postgres server, or nothing for SQLite."""

    root: Path
    server: str = ""
    base: str = field(default_factory=lambda: f"b{uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.write("conftest.py", CONFTEST)
        self.write("pytest.ini", "[pytest]\nasyncio_mode = auto\nfilterwarnings = error\n"
                   "asyncio_default_fixture_loop_scope = function\n"
                   "markers =\n    serial: alone\n")  # fmt: skip

    @property
    def url(self) -> str:
        """The URL that its tests are given; a database of that name need not be there."""
        if self.server:
            url = make_url(self.server).set(database=self.base)
            return url.render_as_string(hide_password=False)
        return f"sqlite:///{self.root}/{self.base}.db"

    def write(self, name: str, source: str) -> None:
        (self.root / name).write_text(textwrap.dedent(source), encoding="utf-8")

    def run(self, *args: str, plugins: Sequence[str] = PLUGINS, **environ: str) -> Result:
        """Run its tests to their end."""
        report = self.root / f"{uuid4().hex}.jsonl"
        process = self.begin(*args, plugins=plugins, REPORT=str(report), **environ)
        try:
            output = process.communicate(timeout=TIME_LIMIT_S)[0]
        finally:
            process.kill()
        lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
        reports = [json.loads(line) for line in lines]
        bad: dict[str, str] = {}
        for nodeid, when, outcome, text in reports:
            if outcome != "passed":
                name = nodeid.partition("::")[2]
                bad[name] = f"{bad.get(name, '')}{when} {outcome}: {text}\n"
        names = {nodeid.partition("::")[2] for nodeid, *_ in reports}
        return Result(process.returncode, output, frozenset(names - set(bad)), bad)

    def begin(
        self, *args: str, plugins: Sequence[str] = PLUGINS, **environ: str
    ) -> subprocess.Popen[str]:
        """Start its tests."""
        return subprocess.Popen(
            (sys.executable, "-m", "pytest", "-q", "--tb=short", *plugins,
             "--basetemp", str(self.root / f"temp-{uuid4().hex[:6]}"), *args),
            cwd=self.root,
            env={**clean_environ(), "PYTHONPATH": str(REPOSITORY), "DATABASE_URL": self.url,
                 "REPORT": os.devnull, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            encoding="utf-8",
        )  # fmt: skip

    def databases(self) -> list[str]:
        """Return the names of this project's databases on the server."""
        return sorted(
            name for (name,) in self.ask("SELECT datname FROM pg_database") if self.base in name
        )

    def ask(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self._server(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def created(self) -> int:
        """How often the schema was made."""
        return sum(len(path.read_text()) for path in self.root.glob("*.created"))

    def _server(self, database: str) -> str:
        return make_url(self.server).set(database=database).render_as_string(hide_password=False)
