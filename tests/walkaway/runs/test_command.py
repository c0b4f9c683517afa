"""Which pytest is run, and where the recorder goes in its argv."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from walkaway.errors import WalkawayError
from walkaway.runs import command

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGIN = ("-p", "walkaway_recorder", "-o", "verbosity_test_cases=1")


def environment(folder: Path, *, with_pytest: bool = True) -> Path:
    """A folder that looks like a virtual environment."""
    package = folder / "lib/python3.11/site-packages/pytest"
    if with_pytest:
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    return folder


def found(root: Path, environ: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return the Python that is found, and what is said about it."""
    environ = environ or {}
    argv = command.find_pytest((), root, environ)
    assert argv[1:] == ("-m", "pytest")
    return argv[0], command.environment_note((), argv, root, environ)


def test_the_project_s_environment_goes_before_an_active_one_and_this_python(
    tmp_path: Path,
) -> None:
    root = tmp_path / "project"
    active = environment(tmp_path / "active")
    environ = {"VIRTUAL_ENV": str(active)}
    assert found(root) == (sys.executable, "")
    assert found(root, environ) == (str(active / "bin/python"), "")
    own = environment(root / ".venv")
    assert found(root) == (str(own / "bin/python"), "")
    note = f".venv (the active {active} is not used)"
    assert found(root, environ) == (str(own / "bin/python"), note)
    assert found(root, {"VIRTUAL_ENV": str(own)}) == (str(own / "bin/python"), "")


def test_an_active_environment_is_the_project_s_by_whatever_path(tmp_path: Path) -> None:
    elsewhere = environment(tmp_path / "elsewhere")
    root = tmp_path / "project"
    root.mkdir()
    (root / ".venv").symlink_to(elsewhere)
    assert found(root, {"VIRTUAL_ENV": str(elsewhere)})[1] == ""


def test_an_environment_in_the_project_that_runs_the_task_is_the_project_s_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, tox = environment(tmp_path / ".venv"), environment(tmp_path / ".tox/py312")
    environ = {"VIRTUAL_ENV": str(tox)}
    note = f".venv (the active {tox} is not used)"
    assert found(tmp_path, environ) == (str(own / "bin/python"), note)
    monkeypatch.setattr(sys, "prefix", str(tox))
    assert found(tmp_path, environ) == (str(tox / "bin/python"), "")


def test_an_environment_without_pytest_is_passed_over_and_named(tmp_path: Path) -> None:
    root = tmp_path / "project"
    active = environment(tmp_path / "active", with_pytest=False)
    environ = {"VIRTUAL_ENV": str(active)}
    assert found(root, environ)[0] == sys.executable
    active.mkdir()
    note = f"{Path(sys.executable).parent.parent} (the active {active} has no pytest)"
    assert found(root, environ) == (sys.executable, note)
    own = environment(root / ".venv", with_pytest=False)
    (own / "bin").mkdir(parents=True)
    (own / "bin/python").touch()
    environment(active)
    note = f"{active} (.venv has no pytest)"
    assert found(root, environ) == (str(active / "bin/python"), note)


def test_a_configured_pytest_goes_before_all_and_nothing_is_said(tmp_path: Path) -> None:
    environment(tmp_path / ".venv")
    environ = {"VIRTUAL_ENV": str(environment(tmp_path / "active"))}
    argv = command.find_pytest((sys.executable, "-m", "pytest"), tmp_path, environ)
    assert argv == (sys.executable, "-m", "pytest")
    assert command.environment_note(argv, argv, tmp_path, environ) == ""


def test_a_configured_path_is_the_project_s(tmp_path: Path) -> None:
    script = tmp_path / "tools/pytest"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(WalkawayError, match="is not executable") as caught:
        command.find_pytest(("tools/pytest", "-v"), tmp_path, {})
    assert caught.value.code == 69
    script.chmod(0o755)
    assert command.find_pytest(("tools/pytest", "-v"), tmp_path, {}) == (str(script), "-v")


def test_no_pytest_anywhere_is_69(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(WalkawayError, match="No pytest: none in ") as caught:
        command.find_pytest((), tmp_path, {})
    assert caught.value.code == 69
    assert len(caught.value.message.splitlines()) == 2


@pytest.mark.parametrize(
    ("pytest_words", "expected"),
    [
        (("pytest",), ("pytest", *PLUGIN, "-x", "a")),
        (("python", "-m", "pytest"), ("python", "-m", "pytest", *PLUGIN, "-x", "a")),
        (("uv", "run", "pytest", "-q"), ("uv", "run", "pytest", "-q", *PLUGIN, "-x", "a")),
    ],
)
def test_the_recorder_comes_first_and_what_was_typed_last(
    pytest_words: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert command.build(pytest_words, ("-x",), ("a",)) == expected


@pytest.mark.parametrize("flags", [("-I",), ("-E",), ("-Im",), ("-B", "-I")])
def test_an_isolated_python_gets_the_recorder_s_own_starter(flags: tuple[str, ...]) -> None:
    words = ("python3", *(f for f in flags if f != "-Im"), *(("-I",) if "-Im" in flags else ()))
    built = command.build((*words, "-m", "pytest"), (), ("a",))
    assert "-m" not in built
    assert any(word.endswith("isolated_start.py") for word in built)
    assert built[-3:] == ("-o", "verbosity_test_cases=1", "a")
