"""Tests that need an engine: skipped without one, counted, and missed where it is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY, clean_environment

NOBODY = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
CONFTEST = """\
from tests.walkaway.support.needing import (
    pytest_runtest_setup,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
"""
SUITE = """\
import pytest

def test_plain():
    pass

@pytest.mark.engine
def test_one():
    raise AssertionError("there is no engine to run with")

@pytest.mark.engine
@pytest.mark.parametrize("n", [1, 2])
def test_two(n):
    raise AssertionError("there is no engine to run with")
"""
LINE = "engine tests skipped: 3 (no Docker engine answers: "


def run(folder: Path, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = engine: x\n", encoding="ascii")
    (folder / "conftest.py").write_text(CONFTEST, encoding="ascii")
    (folder / "test_suite.py").write_text(SUITE, encoding="ascii")
    argv = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *args]
    mine = clean_environment() | {"PYTHONPATH": str(REPOSITORY)} | NOBODY | environ
    return subprocess.run(
        argv, cwd=folder, env=mine, capture_output=True, encoding="utf-8", timeout=60, check=False
    )


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_without_an_engine_they_are_skipped_with_the_reason_and_counted(
    tmp_path: Path, args: tuple[str, ...]
) -> None:
    done = run(tmp_path, *args)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 3 skipped" in done.stdout
    assert "SKIPPED [3]" in done.stdout
    assert LINE in done.stdout


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_where_an_engine_is_required_a_skipped_one_fails_the_session(
    tmp_path: Path, args: tuple[str, ...]
) -> None:
    done = run(tmp_path, *args, CI="true", WALKAWAY_ENGINE="required")
    assert done.returncode == 1, done.stdout
    assert LINE in done.stdout


def test_where_an_engine_is_required_plain_tests_pass_as_ever(tmp_path: Path) -> None:
    done = run(tmp_path, "-k", "plain", CI="true", WALKAWAY_ENGINE="required")
    assert done.returncode == 0, done.stdout
    assert "engine tests" not in done.stdout


@pytest.mark.engine
def test_where_an_engine_answers_they_run(tmp_path: Path) -> None:
    there = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    done = run(tmp_path, DOCKER_HOST=there)
    assert done.returncode == 1, done.stdout
    assert "3 failed, 1 passed" in done.stdout
