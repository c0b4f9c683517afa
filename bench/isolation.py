"""What keeping tests apart costs: each strategy on 60 tables, and the leak check.

Beside the strategies stands what suites do without them: `create_all` and `drop_all` for each
test, and pytest-postgresql (in an environment of its own, made by uv), which clones a template for
each test. Every test writes and commits two rows in two tables; what is told is the median of
setup, call and teardown, from 3 rounds in turns. `postgres` needs an engine. Each part by its name,
all without:
PYTHONPATH=. .venv/bin/python bench/isolation.py [postgres] [sqlite] [leaks]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import BIN, ROOT, cpu_s, pairs, report
from sqlalchemy.engine import URL, make_url

from tests.walkaway.support.stores import POSTGRES, shared

TESTS = 60
FEW = 15
"""Of what takes long."""
ROUNDS = 3
TRIVIAL = 3000
PAIRS = 7

MODELS = """\
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

metadata = MetaData()
for n in range(60):
    more = [Column("parent", ForeignKey(f"t{n - 1}.id"))] if n % 5 else []
    Table(f"t{n}", metadata, Column("id", Integer, primary_key=True),
          Column("name", String(50), index=True), Column("text", String(200)), *more)


def write(session):
    session.execute(metadata.tables["t0"].insert().values(id=1, name="a"))
    session.execute(metadata.tables["t1"].insert().values(id=1, name="b", parent=1))
    session.commit()
"""
TIMING = """\
import os, statistics, time
import pytest

_took = []


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    begun = time.perf_counter()
    yield
    _took.append(time.perf_counter() - begun)


def pytest_sessionfinish():
    # The first opens what the session's tests share.
    with open(os.environ["TOOK"], "w") as file:
        file.write(repr(statistics.median(_took[1:])))
"""
OURS = """
from models import metadata
from walkaway.isolation.databases import Schema

pytest_plugins = ["walkaway.isolation"]


@pytest.fixture(scope="session")
def database_schema():
    return Schema.of(metadata)
"""
STRATEGY = """\
import pytest
from models import write

@pytest.mark.database("{strategy}")
@pytest.mark.parametrize("n", range({tests}))
def test_one(transactional_db, n):
    write(transactional_db)
"""
CREATE_ALL = """\
import os
import pytest
from models import metadata, write
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

@pytest.fixture(scope="session")
def engine():
    engine = create_engine(os.environ["SCRATCH_URL"])
    yield engine
    engine.dispose()

@pytest.fixture
def session(engine):
    metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    metadata.drop_all(engine)

@pytest.mark.parametrize("n", range({tests}))
def test_one(session, n):
    write(session)
"""
THEIRS = """
from models import metadata
from pytest_postgresql import factories
from sqlalchemy import create_engine
from sqlalchemy.orm import Session


def load(**given):
    url = "postgresql+psycopg://{{user}}:{{password}}@{{host}}:{{port}}/{{dbname}}".format(**given)
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()


server = factories.postgresql_noproc(
    host="{host}", port={port}, user="{user}", password="{password}", dbname="theirs", load=[load]
)
postgresql = factories.postgresql("server")


@pytest.fixture
def session(postgresql):
    info = postgresql.info
    url = f"postgresql+psycopg://{{info.user}}:{{info.password}}@{{info.host}}:{{info.port}}/{{info.dbname}}"
    engine = create_engine(url)
    with Session(engine) as session:
        yield session
    engine.dispose()
"""
THEIR_TESTS = """\
import pytest
from models import write

@pytest.mark.parametrize("n", range({tests}))
def test_one(session, n):
    write(session)
"""
LEAKS = "import pytest\n@pytest.mark.parametrize('n', range(%d))\ndef test_one(n): pass\n"


def _median_s(folder: Path, python: str, *args: str, **environ: str) -> float:
    """Run the tests of a file; the median of their times, without the first."""
    took = folder / "took"
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TOOK": str(took), **environ},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{args}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return float(took.read_text())


def _print_times(name: str, found: dict[str, list[float]], base: str) -> None:
    floor = statistics.median(found[base])
    for what, times in found.items():
        middle, low, high = statistics.median(times), min(times), max(times)
        faster = "" if what == base else f", {floor / middle:.1f} x faster than {base}"
        spread = f"({low * 1e3:.1f} to {high * 1e3:.1f})"
        print(f"{name}: {what} {middle * 1e3:.1f} ms a test {spread}{faster}")


def _project(folder: Path, conftest: str) -> Path:
    folder.mkdir()
    (folder / "models.py").write_text(MODELS)
    (folder / "conftest.py").write_text(TIMING + conftest)
    (folder / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\naddopts = -p no:randomly\n"
    )
    return folder


def _ours(folder: Path) -> dict[str, tuple[str, ...]]:
    files = {}
    for strategy in ("rollback", "truncate", "clone", "separate"):
        path = folder / f"test_{strategy}.py"
        path.write_text(STRATEGY.format(strategy=strategy, tests=TESTS))
        files[strategy] = (path.name,)
    (folder / "test_create_all.py").write_text(CREATE_ALL.format(tests=FEW))
    return {"create_all": ("-p", "no:walkaway.isolation", "test_create_all.py"), **files}


def _their_python(folder: Path) -> str:
    """Make an environment with pytest-postgresql: its options and hooks come with every pytest."""
    uv, python = str(BIN / "uv"), str(folder / "theirs" / "bin" / "python")
    packages = ("pytest", "pytest-postgresql", "sqlalchemy>=2", "psycopg[binary]")
    for argv in (
        [uv, "venv", "-q", "--python", sys.executable, str(folder / "theirs")],
        [uv, "pip", "install", "-q", "--python", python, *packages],
    ):
        subprocess.run(argv, check=True)
    return python


def postgres(folder: Path) -> None:
    """Each strategy, `create_all`, and pytest-postgresql on a Postgres in memory."""
    ours = _project(folder / "ours", OURS)
    variants = _ours(ours)
    with shared(POSTGRES, folder) as url:
        where: URL = make_url(url)
        given = {"host": where.host, "port": where.port, "user": where.username,
                 "password": where.password}  # fmt: skip
        theirs = _project(folder / "other", THEIRS.format(**given))
        (theirs / "test_theirs.py").write_text(THEIR_TESTS.format(tests=TESTS))
        python = _their_python(folder)
        scratch = where.set(drivername="postgresql+psycopg")
        environ = {
            "DATABASE_URL": url,
            "SCRATCH_URL": scratch.render_as_string(hide_password=False),
        }
        found: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, args in variants.items():
                found.setdefault(name, []).append(_median_s(ours, sys.executable, *args, **environ))
            took = _median_s(theirs, python, "test_theirs.py")
            found.setdefault("pytest-postgresql", []).append(took)
    _print_times("postgres, 60 tables", found, "create_all")


def sqlite(folder: Path) -> None:
    """Each strategy and `create_all` on SQLite files."""
    ours = _project(folder / "sqlite", OURS)
    variants = _ours(ours)
    found: dict[str, list[float]] = {}
    environ = {"DATABASE_URL": "sqlite://", "SCRATCH_URL": f"sqlite:///{ours}/scratch.db"}
    for _ in range(ROUNDS):
        for name, args in variants.items():
            found.setdefault(name, []).append(_median_s(ours, sys.executable, *args, **environ))
    _print_times("sqlite, 60 tables", found, "create_all")


def leaks(folder: Path) -> None:
    """The leak check with all kinds that need no store, on tests that do nothing."""
    project = folder / "leaks"
    project.mkdir()
    (project / "conftest.py").write_text("pytest_plugins = ['walkaway.isolation']\n")
    (project / "test_many.py").write_text(LEAKS % TRIVIAL)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly",
               "-o", "asyncio_default_fixture_loop_scope=function"]  # fmt: skip

    def off() -> float:
        return cpu_s([*command, "-o", "leak_kinds=none"], project, PYTHONPATH=str(ROOT))

    def on() -> float:
        return cpu_s(command, project, PYTHONPATH=str(ROOT))

    off()
    on()
    report("leak check, CPU a test", TRIVIAL * 1e-6, "us", pairs(off, on, PAIRS))


PARTS = {"postgres": postgres, "sqlite": sqlite, "leaks": leaks}


def main() -> None:
    names = sys.argv[1:] or list(PARTS)
    for name in names:
        if name not in PARTS:
            raise SystemExit(f"{name!r} is none of {', '.join(PARTS)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main()
