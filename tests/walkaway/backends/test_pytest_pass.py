"""The environment of a pass's pytest, without a pytest."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.walkaway.views import samples
from walkaway.backends import pytest_pass

TELLS = "import json, os; print(json.dumps(dict(os.environ)))"


def environ(
    folder: Path,
    number: int = 1,
    **changes: Any,  # noqa: ANN401 - fields of a run
) -> dict[str, str]:
    """What a pass of a run in this folder has in its environment."""
    whole = samples.RUN._replace(argv=(sys.executable, "-c", TELLS), cwd=str(folder), **changes)
    out = folder / "out"
    with out.open("wb") as file:
        pid = pytest_pass.start(whole, str(folder), number, file.fileno())
    os.waitpid(pid, 0)
    found: dict[str, str] = json.loads(out.read_bytes())
    return found


def test_the_recorder_comes_before_the_projects_own_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"src{os.pathsep}lib")
    path = environ(tmp_path)["PYTHONPATH"].split(os.pathsep)
    assert path == [pytest_pass.RECORDER, "src", "lib"]
    monkeypatch.delenv("PYTHONPATH")
    assert environ(tmp_path)["PYTHONPATH"] == pytest_pass.RECORDER


def test_a_seed_is_pythons_hash_seed_unless_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    assert "PYTHONHASHSEED" not in environ(tmp_path)
    assert environ(tmp_path, order_seed="7")["PYTHONHASHSEED"] == "7"
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    assert environ(tmp_path, order_seed="7")["PYTHONHASHSEED"] == "0"


def test_what_make_and_the_limit_of_the_run_have_set_does_not_reach_pytest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAKEFLAGS", "MAKELEVEL", "PYTEST_TIMEOUT"):
        monkeypatch.setenv(name, "1")
    assert not {"MAKEFLAGS", "MAKELEVEL", "PYTEST_TIMEOUT"} & environ(tmp_path).keys()
