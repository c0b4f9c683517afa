"""What the tasks say at a run's end: the first line answers, each command offered finds it."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project
    from tests.walkaway.support.scratch import Live

SIX = """\
import os, pytest

@pytest.mark.parametrize("n", range(6))
def test_n(n):
    if n == 1:
        assert {first}
    if n == 3:
        {then}
"""
PLUGIN = "def pytest_sessionfinish(session):\n    session.exitstatus = {}\n"

ENDS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "exit 0": ("True", 'pytest.exit("done", returncode=0)', (), "incomplete"),
    "exit 0 past a failure": ("False", 'pytest.exit("done", returncode=0)', (), "failed"),
    "exit 1": ("True", 'pytest.exit("done", returncode=1)', (), "incomplete"),
    "exit": ("True", 'pytest.exit("done")', (), "interrupted"),
    "Ctrl-C": ("True", "raise KeyboardInterrupt", (), "interrupted"),
    "_exit": ("True", "os._exit(0)", (), "crashed"),
    "killed": ("False", "os.kill(os.getpid(), 9)", (), "killed"),
    "-x": ("False", "pass", ("-x",), "failed"),
}


def following(said: str) -> list[list[str]]:
    """Return the commands of the last line."""
    last = said.splitlines()[-1]
    assert last.startswith("next: ")
    return [shlex.split(command)[1:] for command in last.removeprefix("next: ").split("  or  ")]


def junit(live: Live) -> Counter[str]:
    """Return how often each kind of entry stands in a run's JUnit report."""
    root = ET.fromstring(live.record.path("junit.xml").read_bytes())  # noqa: S314 - our own file
    found: Counter[str] = Counter()
    for case in root.iter("testcase"):
        kinds = [child for child in case if child.tag in {"failure", "error", "skipped"}]
        found[(kinds[0].get("type") or kinds[0].get("message") or "") if kinds else "passed"] += 1
    return found


@pytest.mark.parametrize(
    "end",
    [
        # Another status with the same outcome.
        pytest.param(end, marks=pytest.mark.soak) if end in {"exit", "exit 1"} else end
        for end in ENDS
    ],
)
def test_a_test_without_a_result_has_one_word_everywhere(project: Project, end: str) -> None:
    first, then, args, outcome = ENDS[end]
    project.write("tests/test_it.py", SIX.format(first=first, then=then))
    live = project.ended(*(("--", *args) if args else ()))
    look = project.json("wait")["ended"]
    rows = project.json("results")["results"]
    words = Counter(row["result"] for row in rows)
    assert look["outcome"] == outcome
    assert (look["lost"], look["not_run"]) == (
        words["lost"], words["not-run"] + words["no-result"],
    )  # fmt: skip
    assert look["lost_ids"] == [row["id"] for row in rows if row["result"] == "lost"]
    assert look["crashed"] == [row["id"] for row in rows if row["result"] == "crashed"]
    assert words["lost"] or words["not-run"]
    kinds = junit(live)
    assert kinds["collected but never reported"] == words["lost"]
    assert kinds["pytest.not-run"] == words["not-run"]
    assert kinds["crashed"] == words["crashed"]
    said = project.inv("wait").stdout
    assert (f"lost:" in said, "not run:" in said) == (words["lost"] > 0, words["not-run"] > 0)  # noqa: F541
    for command in following(said):
        answer = project.inv(*command)
        assert answer.returncode == 0, command
        assert not answer.stdout.startswith(("no such test", "no failure")), command


def test_a_failure_that_a_plugin_forgives_is_never_called_a_bare_pass(project: Project) -> None:
    project.write("tests/test_it.py", "def test_a(): pass\ndef test_b(): assert 0\n")
    project.write("conftest.py", PLUGIN.format(0))
    live = project.ended()
    for task in ("wait", "progress", "runs"):
        answer = project.inv(task)
        assert answer.returncode == 0
        assert "PASSED as a plugin decided: 1 failed" in answer.stdout.splitlines()[0]
        assert not re.search(r"\bPASSED\b(?! as a plugin decided)", answer.stdout)
    assert following(project.inv("wait").stdout) == [["failures", "--run", live.run.short]]
    first = project.inv("failures").stdout.splitlines()[0]
    assert first.startswith("1 failure, 1 cause")
    assert "  PASSED as a plugin decided: 1 failed  ended " in first
    ended = project.json("wait")["ended"]
    assert ended["because"] == "pytest ended with 0 although 1 test failed: a plugin decided so"
    assert junit(live)["passed"] == 1


def test_what_failed_a_run_without_a_failed_test_is_in_the_first_line(project: Project) -> None:
    project.write("tests/test_it.py", "def test_a(): pass\n")
    project.write("conftest.py", PLUGIN.format(17) + "    print('gate: 3 secrets')\n")
    started = project.inv("test-async")
    assert started.returncode == 0
    answer = project.inv("wait")
    assert answer.returncode == 17
    first = answer.stdout.splitlines()[0]
    assert re.fullmatch(
        r"FAILED  ....  all tests  pytest ended with 17 \(\"gate: 3 secrets\"\), 1 passed in .*  "
        r"exit 17(  ended .*)?",
        first,
    )


def test_an_unmet_coverage_is_in_the_first_line(project: Project) -> None:
    project.write("thing.py", "def f():\n    return 1\n\ndef g():\n    return 2\n")
    project.write("tests/test_it.py", "import thing\n\ndef test_a(): thing.f()\n")
    args = ("-p", "pytest_cov", "--cov=thing", "--cov-fail-under=99", "-o", "pythonpath=.")
    project.ended("--", *args)
    answer = project.inv("wait")
    assert answer.returncode == 1
    assert "  coverage 75 % of 99 % required, 1 passed in " in answer.stdout.splitlines()[0]


def test_a_usage_error_is_explained_before_anything_else(project: Project) -> None:
    project.ended("--", "nothere.py")
    lines = project.inv("wait").stdout.splitlines()
    assert lines[0].startswith("USAGE ERROR")
    assert lines[1] == "| ERROR: file or directory not found: nothere.py"
    assert lines[2].startswith("rests on: ")


LEAKS = """\
import pytest

@pytest.fixture
def leaks():
    yield
    said = "test_leaks left 1 thread behind\\n  threads: Thread-2 (pump)\\nClean up in the test."
    pytest.fail(said, pytrace=False)

def test_leaks(leaks): pass
def test_asserts(): assert 1 == 2
"""


def test_a_message_without_a_traceback_is_told_whole(project: Project) -> None:
    project.write("tests/test_it.py", LEAKS)
    live = project.ended()
    rows = [row.strip() for row in project.inv("failures").stdout.splitlines()]
    at = rows.index("#1 1x Failed: test_leaks left 1 thread behind (in teardown)")
    assert rows[at + 2 : at + 4] == ["threads: Thread-2 (pump)", "Clean up in the test."]
    # Where `failures` shows all there is, the test's own story tells it too, and leads on.
    told = project.inv("log", "--test", "test_leaks").stdout
    assert "threads: Thread-2 (pump)" in told
    assert following(told) == [["log", "--run", live.run.short]]
    traced = project.inv("log", "--test", "test_asserts").stdout
    assert following(traced) == [["failures", "--run", live.run.short]]
    data = json.loads(project.inv("log", "--test", "test_leaks", "--json").stdout)
    assert data["failures"][0].endswith("Clean up in the test.")
