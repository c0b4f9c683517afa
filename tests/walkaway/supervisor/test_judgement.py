"""A judgement that fails does not cost the verdict: what was seen is enough for a plain one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import walkaway
from walkaway.runs import spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.walkaway.support.scratch import Scratch

REMOVES_THE_LIBRARY = """
    import pathlib
    import pytest

    def test_the_library_goes_away():
        pathlib.Path({closing!r}).unlink()

    {more}
"""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    """A copy of the library that the supervisor runs from, to be broken in mid-run."""
    copy = tmp_path / "library" / "walkaway"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(walkaway.__file__).parent, copy, ignore=ignored)
    with mock.patch.object(spawn, "SUPERVISOR", copy / "supervisor" / "__main__.py"):
        yield copy


def _run(scratch: Scratch, library: Path, more: str) -> dict[str, Any]:
    closing = str(library / "runs" / "closing.py")
    scratch.write("test_it.py", REMOVES_THE_LIBRARY.format(closing=closing, more=more))
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
