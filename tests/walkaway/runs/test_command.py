"""Whose pytest runs, and where the recorder stands in its argv."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from walkaway.errors import WalkawayError
from walkaway.runs import command

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = ("-p", "walkaway_recorder", "-o", "verbosity_test_cases=1")


def environment(folder: Path, *, with_pytest: bool = True) -> Path:
    """A folder that looks like a virtual environment."""
    package = folder / "lib/python3.11/site-packages/pytest"
    if with_pytest:
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    return folder


def test_the_active_environment_goes_before_the_project_s_and_this_python(tmp_path: Path) -> None:
    assert command.find_pytest((), tmp_path, {}) == (sys.executable, "-m", "pytest")
    project = environment(tmp_path / ".venv")
    assert command.find_pytest((), tmp_path, {})[0] == str(project / "bin/python")
    active = environment(tmp_path / "active")
    found = command.find_pytest((), tmp_path, {"VIRTUAL_ENV": str(active)})
    assert found == (str(active / "bin/python"), "-m", "pytest")


def test_an_environment_without_pytest_is_passed_over(tmp_path: Path) -> None:
    active = environment(tmp_path / "active", with_pytest=False)
    found = command.find_pytest((), tmp_path, {"VIRTUAL_ENV": str(active)})
    assert found[0] == sys.executable


def test_a_configured_path_is_the_project_s(tmp_path: Path) -> None:
    script = tmp_path / "tools/pytest"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(WalkawayError, match="cannot be executed") as caught:
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
    assert any(word.endswith("isolated.py") for word in built)
    assert built[-3:] == ("-o", "verbosity_test_cases=1", "a")
