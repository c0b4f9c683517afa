"""A failed judgement does not cost the verdict: a plain one is made from what was observed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import walkaway
from walkaway.process import detach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.walkaway.support.scratch import Scratch

REMOVES_THE_LIBRARY = """
    import pathlib
    import pytest

    def test_the_library_goes_away():
        pathlib.Path({judge!r}).unlink()

    {more}
"""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    """A copy of the library that the supervisor runs from, to be broken in mid-run."""
    copy = tmp_path / "library" / "walkaway"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(walkaway.__file__).parent, copy, ignore=ignored)
    with mock.patch.object(detach, "SUPERVISOR", copy / "supervisor" / "__main__.py"):
        yield copy


def _run(scratch: Scratch, library: Path, more: str) -> dict[str, Any]:
    judge = str(library / "runs" / "judge.py")
    scratch.write("test_it.py", REMOVES_THE_LIBRARY.format(judge=judge, more=more))
    return scratch.run()


def test_a_whole_green_run_is_passed_without_the_judgement(scratch: Scratch, library: Path) -> None:
    outcome = _run(scratch, library, "def test_two(): pass")
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert outcome["counts"] == {"passed": 2}
    assert "without a ledger" in outcome["notes"][0]


def test_a_failed_run_is_failed_without_the_judgement(scratch: Scratch, library: Path) -> None:
    outcome = _run(scratch, library, "def test_two(): assert 0")
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)


def test_a_green_exit_with_lost_tests_is_not_passed_without_the_judgement(
    scratch: Scratch, library: Path
) -> None:
    outcome = _run(scratch, library, "def test_two(): pytest.exit('enough', returncode=0)")
    assert (outcome["outcome"], outcome["code"]) == ("incomplete", 65)


FORGIVES = "import pytest\n\ndef pytest_sessionfinish(session):\n    session.exitstatus = 0\n"


def test_a_plugins_word_beside_a_failure_is_said_without_the_judgement(
    scratch: Scratch, library: Path
) -> None:
    scratch.write("conftest.py", FORGIVES)
    outcome = _run(scratch, library, "def test_two(): assert 0")
    assert (outcome["outcome"], outcome["code"], outcome["pytest_exit"]) == ("passed", 0, 0)
    assert outcome["counts"] == {"passed": 1, "failed": 1}
    assert "a plugin decided so" in outcome["because"]
    assert outcome["notes"][0] == outcome["because"]


@pytest.mark.parametrize("status", [0, 1])
def test_an_exit_past_a_failure_is_no_pass_without_the_judgement(
    scratch: Scratch, library: Path, status: int
) -> None:
    scratch.write(
        "conftest.py", f"import os\n\ndef pytest_sessionfinish():\n    os._exit({status})\n"
    )
    outcome = _run(scratch, library, "def test_two(): assert 0")
    assert (outcome["outcome"], outcome["code"]) == ("incomplete", 65)
