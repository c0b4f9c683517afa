"""Runs that are killed, and runs beside each other: leftovers go, what lives stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.walkaway.isolation.databases.nested import Nested
from tests.walkaway.support.waiting import wait_for

GATED = """
import os, time
import pytest
from conftest import User

@pytest.mark.parametrize("n", range(4))
def test_gated(clean_db, test_db, test_database, n):
    clean_db.add(User(name="mine"))
    clean_db.commit()
    open(f"{os.environ['AT']}-{n}", "w").close()
    until = time.monotonic() + 60
    while not os.path.exists(os.environ["GATE"]) and time.monotonic() < until:
        time.sleep(0.02)
    assert clean_db.query(User).one().name == "mine"
    with test_db.connect() as connection:
        connection.execute(User.__table__.select())

@pytest.mark.parametrize("n", range(4))
def test_next(transactional_db, n):
    assert transactional_db.query(User).count() == 0
"""


@contextlib.contextmanager
def at_the_gate(project: Nested, name: str, *args: str) -> Iterator[subprocess.Popen[str]]:
    """Have a session stand in the middle of its tests, in every worker."""
    process = project.begin(
        "-p", "no:randomly", *args, AT=str(project.root / name), GATE=str(project.root / "gate")
    )
    try:
        workers = 2 if "-n" in args else 1
        wait_for(
            lambda: (
                len(list(project.root.glob(f"{name}-*"))) >= workers or process.poll() is not None
            ),
            "the gate",
        )
        assert process.poll() is None, process.communicate()[0]
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("option", ["", "--reuse-db"], ids=["anew", "reused"])
def test_leftovers_of_a_killed_run_go_and_a_live_one_is_untouched(
    on_postgres: Nested, option: str
) -> None:
    on_postgres.write("test_gated.py", GATED)
    on_postgres.write("test_quick.py", "def test_quick(transactional_db): pass\n")
    options = (option,) if option else ()
    workers = () if option else ("-n", "2")
    kept = len(options)
    with at_the_gate(on_postgres, "killed", *workers, *options):
        pass
    left = set(on_postgres.databases())
    # A template, and of each worker its database and a test's own.
    assert len(left) == (5 if workers else 3)
    with at_the_gate(on_postgres, "live", *options) as live:
        there = set(on_postgres.databases())
        assert len(there) == 3
        assert len(there & left) == kept
        done = on_postgres.run("test_quick.py", *options)
        assert done.code == 0, done.described
        assert set(on_postgres.databases()) == there
        (on_postgres.root / "gate").touch()
        output = live.communicate(timeout=60)[0]
        assert live.returncode == 0, output
    assert len(on_postgres.databases()) == kept


def test_killed_while_the_template_is_made(project: Nested) -> None:
    project.write(
        "test_whole.py",
        """
        from conftest import Country, User

        def test_whole(transactional_db):
            assert transactional_db.query(User).count() == 0
            assert transactional_db.query(Country).count() == 2
        """,
    )
    with (project.root / "conftest.py").open("a") as conftest:
        conftest.write("""
real = create

def create(connection):
    if "GATE" in os.environ:
        import time
        Country.__table__.create(connection)
        connection.commit()
        open(os.environ["AT"] + "-0", "w").close()
        time.sleep(60)
    real(connection)
""")
    with at_the_gate(project, "killed", "--reuse-db"):
        pass
    if project.server:
        (left,) = project.databases()
        assert left.endswith("_building")
    done = project.run("--reuse-db")
    assert done.code == 0, done.described
    if project.server:
        (kept,) = project.databases()
        assert kept.endswith("_template")
    else:
        kept_there = project.root / ".pytest_cache/d/walkaway-databases"
        assert len([p for p in kept_there.iterdir() if p.suffix != ".lock"]) == 1


def test_a_crashed_worker_s_database_goes_with_the_run(on_postgres: Nested) -> None:
    """Also when no other worker is there any more to see to it."""
    on_postgres.write(
        "test_crash.py",
        """
        import os, time
        import psycopg
        import pytest

        FOUND = "SELECT count(*) FROM pg_database WHERE datname ~ %s"

        def wait_for(condition):
            until = time.monotonic() + 60
            while not condition() and time.monotonic() < until:
                time.sleep(0.02)

        @pytest.mark.parametrize("n", range(2))
        def test_it(test_database, n):
            if n == 1:
                open(os.environ["AT"], "w").close()
                return
            wait_for(lambda: os.path.exists(os.environ["AT"]))
            with psycopg.connect(os.environ["SERVER"], autocommit=True) as connection:
                # The template and this one: the other worker has left.
                name = "walkaway_" + os.environ["BASE"]
                wait_for(lambda: connection.execute(FOUND, [name]).fetchone() == (2,))
            os._exit(1)
        """,
    )
    at = str(on_postgres.root / "at")
    done = on_postgres.run("-p", "no:randomly", "-n", "2", AT=at, BASE=on_postgres.base,
                           SERVER=on_postgres.server)  # fmt: skip
    assert list(done.passed) == ["test_it[1]"], done.described
    assert "crashed" in done.bad["test_it[0]"]
    assert on_postgres.databases() == []


def test_two_runs_at_once(project: Nested) -> None:
    project.write(
        "test_it.py",
        """
        import pytest
        from conftest import User

        @pytest.mark.parametrize("n", range(10))
        def test_it(clean_db, n):
            clean_db.add(User(name="same"))
            clean_db.commit()
            assert clean_db.query(User).one().id == 1
        """,
    )
    both = [project.begin("--reuse-db", "--create-db") for _ in range(2)]
    for process in both:
        output = process.communicate(timeout=90)[0]
        assert process.returncode == 0, output
    if project.server:
        assert len(project.databases()) >= 1
        assert all(name.endswith("_template") for name in project.databases())
