"""A conftest that replaces pytest by a new one: one record, and no trace of us in the tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.recorded import RECORDER, Recorded

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project

TESTS = """
    import os

    def test_seed():
        assert os.environ["PYTHONHASHSEED"] == "7"

    def test_no_trace():
        assert [name for name in os.environ if name.startswith("WALKAWAY_")] == ["WALKAWAY_RUN"]
        assert "recorder" not in os.environ.get("PYTHONPATH", "")
"""
ANEW = """
    import os, sys

    def anew():
        if os.environ.get("PYTHONHASHSEED") != "7":
            {how}
"""
SEED = "os.environ['PYTHONHASHSEED'] = '7'; "
ONCE = {
    "execv": SEED + "os.execv(sys.executable, [sys.executable, *sys.argv])",
    "execve": (
        "os.execve(sys.executable, [sys.executable, *sys.argv],"
        " {**os.environ, 'PYTHONHASHSEED': '7'})"
    ),
    "orig_argv": SEED + "os.execv(sys.executable, sys.orig_argv)",
    "child": (
        "import subprocess; sys.exit(subprocess.call([sys.executable, *sys.argv],"
        " env={**os.environ, 'PYTHONHASHSEED': '7'}))"
    ),
}
WHERE = {
    "import": "\n    anew()\n",
    "configure": "\n    def pytest_configure(config): anew()\n",
    "sessionstart": "\n    def pytest_sessionstart(session): anew()\n",
    "collection": "\n    def pytest_collection_modifyitems(items): anew()\n",
}
RESULTS = [("test_seed", "passed"), ("test_no_trace", "passed")]


def check(recorded: Recorded) -> None:
    assert recorded.wait() == 0, recorded.log
    assert recorded.errors() == []
    assert sorted(recorded.results()) == sorted(RESULTS)
    assert recorded.events()[-1]["e"] == "end"
    assert recorded.one("collected")["n"] == 2
    assert recorded.one("end")["exit"] == 0


@pytest.mark.parametrize("how", ["execv", "execve", "orig_argv"])
@pytest.mark.parametrize("where", WHERE)
def test_the_pytest_that_takes_the_place_is_recorded(
    project: Project, how: str, where: str
) -> None:
    project.write(conftest=ANEW.format(how=ONCE[how]) + WHERE[where], test_a=TESTS)
    check(project.run("-s"))


@pytest.mark.parametrize("where", ["import", "configure"])
def test_so_is_one_with_workers(project: Project, where: str) -> None:
    project.write(conftest=ANEW.format(how=ONCE["execv"]) + WHERE[where], test_a=TESTS)
    recorded = project.run("-s", "-p", "xdist", "-n", "2")
    check(recorded)
    assert {event["w"] for event in recorded.events("wup")} == {"gw0", "gw1"}


def test_so_is_one_of_an_isolated_python(project: Project) -> None:
    project.write(conftest=ANEW.format(how=ONCE["orig_argv"]) + WHERE["import"], test_a=TESTS)
    entry = str(Path(RECORDER) / "walkaway_recorder" / "isolated_start.py")
    # -I ignores PYTHONHASHSEED, and hands it on all the same.
    check(project.run("-s", command=(sys.executable, "-I", entry)))


def test_a_child_that_does_the_work_is_recorded_and_its_code_counts(project: Project) -> None:
    project.write(conftest=ANEW.format(how=ONCE["child"]) + WHERE["import"], test_a=TESTS)
    check(project.run("-s"))
