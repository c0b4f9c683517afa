"""`inv lint` and `inv check`: what is configured must be there, what is merely usual need not."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.walkaway.support.project import Project

FAILING = "def test_bad():\n    assert 1 == 2\n"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Invoke in an environment that has all packages, and no linter beside its Python."""
    folder = tmp_path_factory.mktemp("environments") / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return (str(folder / "bin/python"), "-m", "invoke")


@pytest.fixture
def inv(project: Project) -> Project:
    """A project where no linter is on PATH."""
    folders = os.environ["PATH"].split(os.pathsep)
    usual = [f for f in folders if not any(Path(f, n).exists() for n in ("ruff", "mypy"))]
    project.environ["PATH"] = os.pathsep.join(usual)
    return project


def test_check_runs_the_tests_where_no_linter_is(inv: Project, bare: tuple[str, ...]) -> None:
    done = inv.inv("check", program=bare)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert f"== {bare[0]} -m pytest" in lines
    assert lines[-3:-1] == [
        f"skipped           {name}: not installed, and walkaway.lint is not set"
        for name in ("ruff", "mypy")
    ]
    assert lines[-1].startswith("passed  ")
    inv.write("tests/test_it.py", FAILING)
    done = inv.inv("check", "--json", program=bare)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["missing"], len(found["steps"])) == (["ruff", "mypy"], 1)


def test_ci_runs_the_tests_where_no_linter_is(inv: Project, bare: tuple[str, ...]) -> None:
    done = inv.inv("ci", program=bare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lint: skipped, walkaway.lint is not set, and ruff and mypy not installed" in done.stdout


def test_lint_alone_does_not_pass_without_a_linter(inv: Project, bare: tuple[str, ...]) -> None:
    done = inv.inv("lint", program=bare)
    assert done.returncode == 69
    assert done.stderr.startswith("No linter: ruff and mypy are not installed.")


def test_a_linter_that_is_there_is_run_beside_one_that_is_not(
    inv: Project, bare: tuple[str, ...], tmp_path: Path
) -> None:
    ruff = tmp_path / "tools/ruff"
    ruff.parent.mkdir()
    ruff.write_text('#!/bin/sh\necho linted "$@"\n', encoding="utf-8")
    ruff.chmod(0o755)
    inv.environ["PATH"] = f"{ruff.parent}{os.pathsep}{inv.environ['PATH']}"
    for task in ("lint", "check"):
        done = inv.inv(task, program=bare)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "linted check ." in done.stdout
        assert "skipped           mypy" in done.stdout
        assert "skipped           ruff" not in done.stdout


def test_a_configured_linter_that_is_missing_is_69_and_the_rest_is_run_all_the_same(
    inv: Project, bare: tuple[str, ...]
) -> None:
    inv.write("invoke.yaml", "walkaway:\n  lint: [[no-such-linter], ['true']]\n")
    for task, ran in (("lint", 1), ("check", 2)):
        done = inv.inv(task, program=bare)
        assert done.returncode == 69
        assert "no-such-linter cannot be run" in done.stderr
        assert done.stdout.count("\npassed ") == ran, done.stdout
        assert done.stdout.splitlines()[-1] == "fix it, then run again: no-such-linter"


def test_the_usual_tests_are_those_of_the_project_s_own_environment(
    inv: Project, bare: tuple[str, ...]
) -> None:
    (inv.root / ".venv").symlink_to(Path(bare[0]).parent.parent)
    inv.write("invoke.yaml", "walkaway: {lint: []}\n")
    done = inv.inv("check")
    assert done.returncode == 0, done.stdout + done.stderr
    command = shlex.join((f"{inv.root}/.venv/bin/python", "-m", "pytest"))
    assert done.stdout.startswith(f"== {command}\n")


SLOW = """\
import pytest

@pytest.mark.slow
def test_slow():
    assert 0

def test_quick():
    pass
"""


def test_the_fast_tests_are_those_not_marked_slow_unless_others_are_configured(
    inv: Project,
) -> None:
    inv.write("tests/test_it.py", SLOW)
    inv.write("invoke.yaml", "walkaway: {lint: []}\n")
    done = inv.inv("check-fast")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
    inv.write("invoke.yaml", "walkaway: {lint: [], check_fast: ['false']}\n")
    done = inv.inv("check-fast")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "fix it, then run again: false"
