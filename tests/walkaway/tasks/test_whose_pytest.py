"""In a foreign repository: whose pytest runs, and nothing of the repository is touched."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.walkaway.support.project import Project

TELLS = """\
import json, sys
def test_tells():
    with open("who.json", "w") as file:
        json.dump([sys.executable, sys.flags.isolated], file)
"""


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has this Python's pytest, by links."""
    folder = tmp_path_factory.mktemp("environments") / "a venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    lent = Path(sysconfig.get_path("purelib"))
    for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments"):
        (packages / name).symlink_to(lent / name)
    (packages / "lent.pth").write_text(f"{lent}\n", encoding="utf-8")
    script = folder / "bin/pytest"
    script.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m pytest "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return folder


def who(project: Project) -> tuple[str, int]:
    """Run the tests and return the interpreter that ran them, and whether it was isolated."""
    project.write("tests/test_it.py", TELLS)
    answer = project.inv("test")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert project.live().outcome()["reported"] == 1
    executable, isolated = json.loads((project.root / "who.json").read_bytes())
    return executable, isolated


def test_this_python_where_there_is_no_other(project: Project) -> None:
    assert who(project) == (sys.executable, 0)


def test_the_project_s_own_environment(project: Project, venv: Path) -> None:
    (project.root / ".venv").symlink_to(venv)
    assert who(project)[0] == str(project.root / ".venv/bin/python")


def test_the_active_environment_where_the_project_has_none(project: Project, venv: Path) -> None:
    project.environ["VIRTUAL_ENV"] = str(venv)
    assert who(project)[0] == str(venv / "bin/python")


def test_an_active_environment_does_not_take_over_a_project_that_has_its_own(
    project: Project, venv: Path, tmp_path: Path
) -> None:
    (project.root / ".venv").symlink_to(venv)
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)
    project.environ["VIRTUAL_ENV"] = str(other)
    project.write("tests/test_it.py", TELLS)
    for has in ("has no pytest", "is not used"):
        answer = project.inv("test")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        said = f"python: .venv (the active {other} {has})"
        assert said in answer.stdout.splitlines()[0]
        executable, _ = json.loads((project.root / "who.json").read_bytes())
        assert executable == str(project.root / ".venv/bin/python")
        started = project.json("test-async")
        assert f"python: {started['run']['python']}" == said
        project.live().outcome()
        (packages,) = other.glob("lib/python*/site-packages")
        (packages / "pytest").mkdir(exist_ok=True)
        (packages / "pytest/__init__.py").touch()


def test_nor_one_that_has_pytest_from_elsewhere(
    project: Project, venv: Path, tmp_path: Path
) -> None:
    own = project.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    (packages,) = own.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    project.environ["VIRTUAL_ENV"] = str(venv)
    assert who(project)[0] == str(own / "bin/python")
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    own.rename(tmp_path / "away")
    own.symlink_to(bare)
    assert who(project)[0] == str(venv / "bin/python")
    assert project.live().run.python == f"{venv} (.venv has no pytest)"


def test_nor_under_make(project: Project, venv: Path, tmp_path: Path) -> None:
    (project.root / ".venv").symlink_to(venv)
    project.write("tests/test_it.py", TELLS)
    init = [sys.executable, "-m", "walkaway", "init", "--write"]
    subprocess.run(init, cwd=project.root, env=project.env(), check=True, capture_output=True)
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin/python").symlink_to("/bin/false")
    answer = project.inv("test", program=("make",), env={"VIRTUAL_ENV": str(other)})
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"python: .venv (the active {other} has no pytest)" in answer.stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("form", "isolated"),
    [
        ("[{0}/bin/python, -m, pytest]", 0),
        ("[{0}/bin/pytest, -q]", 0),
        ("\"'{0}/bin/python' -m pytest\"", 0),
        ("[{0}/bin/python, -I, -m, pytest]", 1),
        ("[.venv/bin/python, -B, -m, pytest]", 0),
    ],
)
def test_the_configured_one_goes_before_all(
    project: Project, venv: Path, form: str, isolated: int
) -> None:
    (project.root / ".venv").symlink_to(venv)
    project.write("invoke.yaml", f"walkaway:\n  pytest: {form.format(venv)}\n")
    executable, was_isolated = who(project)
    assert executable in {str(venv / "bin/python"), str(project.root / ".venv/bin/python")}
    assert was_isolated == isolated


def test_a_relative_configured_path_works_from_a_folder_below(project: Project, venv: Path) -> None:
    (project.root / ".venv").symlink_to(venv)
    env = {"INVOKE_WALKAWAY_PYTEST": ".venv/bin/python -m pytest"}
    live = project.start("--", "test_it.py", env=env, cwd=project.root / "tests")
    assert live.outcome()["outcome"] == "passed"


def test_a_foreign_repository_stays_clean_and_its_options_hold(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider -q --strict-markers -x\n")
    project.write("tests/test_it.py", "def test_a(): assert 0\ndef test_b(): assert 0\n")
    project.write(".gitignore", "__pycache__/\n")
    project.commit()
    live = project.ended()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["reported"], outcome["not_run"]["n"]) == ("failed", 1, 1)
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(status, cwd=project.root, capture_output=True, check=True)
    assert done.stdout == b""
    assert outcome["tree"]["n"] == 0


def test_the_records_lie_where_tasks_py_is_found(project: Project) -> None:
    (project.root / "deep/er").mkdir(parents=True)
    live = project.start(cwd=project.root / "deep/er")
    assert live.folder.parent == project.root / "logs/tests/pytest"
    assert live.run.cwd == str(project.root / "deep/er")
    live.outcome()


def test_tasks_py_may_be_a_package(project: Project) -> None:
    (project.root / "tasks.py").unlink()
    project.write("tasks/__init__.py", "from walkaway import ns\n")
    live = project.ended()
    assert live.run.root == str(project.root)
