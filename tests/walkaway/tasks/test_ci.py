"""`inv ci`: every step is taken, the exit code is the verdict's, and red says what to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.walkaway.support.project import Project

TEST = "tests/test_it.py"
FAILING = "def test_bad():\n    assert 1 == 2\n\ndef test_good():\n    pass\n"
LOSING = """\
import os

def test_before():
    pass

def test_leaves():
    os._exit(0)
"""


def lint_with(project: Project, code: int) -> None:
    """Configure one linter, which ends with this code."""
    command = json.dumps([sys.executable, "-c", f"print('linted'); raise SystemExit({code})"])
    project.write("invoke.yaml", f"walkaway:\n  lint:\n    - {command}\n")


def ci(project: Project, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return project.inv("ci", *words, env=env)


def last_lines(answer: subprocess.CompletedProcess[str], count: int) -> list[str]:
    return answer.stdout.splitlines()[-count:]


def test_green_ends_with_one_line_and_every_step_has_its_time(project: Project) -> None:
    lint_with(project, 0)
    answer = ci(project, GITHUB_STEP_SUMMARY="/nowhere/at/all")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    lines = answer.stdout.splitlines()
    assert [line for line in lines if line.startswith("== ")] == ["== lint", "== locks", "== tests"]
    assert "linted" in lines
    assert "locks: skipped, there is no requirements*.in" in lines
    assert re.fullmatch(r"lint: passed in [0-9.]+ m?s", next(x for x in lines if "lint: " in x))
    assert re.fullmatch(r"CI PASSED  lint passed .*, locks skipped, tests passed .*", lines[-1])
    assert "\x1b" not in answer.stdout
    assert "GITHUB_STEP_SUMMARY cannot be written" in answer.stderr, "and that changes nothing"


def test_a_failing_test_is_red_with_two_lines_that_say_what_to_do(project: Project) -> None:
    lint_with(project, 0)
    project.write(TEST, FAILING)
    answer = ci(project)
    assert answer.returncode == 1
    first, what, todo = last_lines(answer, 3)
    assert first.startswith("CI FAILED  lint passed ")
    assert first.endswith("  exit 1")
    assert re.fullmatch(r"tests: failed, 1 of 2 failed in .*", what)
    assert todo == f"next: inv failures --run {project.live().run.short}"


def test_lost_tests_are_red_with_their_own_code(project: Project) -> None:
    lint_with(project, 0)
    project.write(TEST, LOSING)
    answer = ci(project)
    assert answer.returncode == 65
    _, what, todo = last_lines(answer, 3)
    assert what.startswith("tests: crashed, ")
    assert todo.startswith("next: inv ")


def test_a_lint_finding_does_not_hide_the_tests_verdict(project: Project) -> None:
    lint_with(project, 3)
    answer = ci(project)
    assert answer.returncode == 3
    first, what, todo = last_lines(answer, 3)
    assert re.search(r"lint failed .*, tests passed .*  exit 3$", first)
    assert what.endswith("ended with 3")
    assert todo == "next: fix what it reports, then run again: inv lint"
    assert project.live().outcome()["outcome"] == "passed"


def test_both_red_have_the_verdicts_exit_code_and_a_page_of_the_ci_job(
    project: Project, tmp_path: Path
) -> None:
    lint_with(project, 3)
    project.write(TEST, FAILING)
    page = tmp_path / "summary.md"
    page.write_text("before\n", encoding="utf-8")
    answer = ci(project, GITHUB_STEP_SUMMARY=str(page))
    assert answer.returncode == 1
    lines = last_lines(answer, 5)
    assert lines[0].endswith("  exit 1")
    assert [line.partition(":")[0] for line in lines[1:]] == ["tests", "next", "lint", "next"]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n### ❌ FAILED: 1 of 2 failed")
    assert re.search(r"^\| lint \| ❌ \| .* Next: fix what it reports", text, re.MULTILINE)
    assert re.search(r"^\| locks \| skipped \|", text, re.MULTILINE)
    assert "test_bad" in text


def test_a_linter_that_is_not_there_is_red_and_the_tests_run_all_the_same(project: Project) -> None:
    after = [sys.executable, "-c", "open('after', 'w')"]
    project.write("invoke.yaml", f"walkaway:\n  lint: {[['no-such-linter'], after]}\n")
    answer = ci(project)
    assert answer.returncode == 69
    assert "no-such-linter cannot be run" in answer.stdout
    assert (project.root / "after").exists(), "the linters after it run all the same"
    assert project.live().outcome()["outcome"] == "passed"


@pytest.fixture
def locked(project: Project) -> Project:
    """A project with a lock of nothing, which needs no index to be compiled."""
    pytest.importorskip("uv")
    lint_with(project, 0)
    project.write("requirements.in", "# nothing\n")
    answer = project.inv("compile-deps")
    assert answer.returncode == 0, answer.stderr
    return project


def test_a_fresh_lock_passes_and_a_stale_one_is_red(locked: Project) -> None:
    assert ci(locked).returncode == 0
    locked.write("requirements.txt", "nothing==1.0\n")
    answer = ci(locked)
    assert answer.returncode == 1
    _, what, todo = last_lines(answer, 3)
    assert what.startswith("locks: requirements.txt is stale")
    assert todo == "next: inv compile-deps, then commit the lock"
    assert locked.live().outcome()["outcome"] == "passed"


def test_arguments_reach_pytest_and_the_deadline_is_cis(project: Project) -> None:
    project.write(TEST, FAILING)
    lint_with(project, 0)
    assert ci(project, "--", "-k", "good or nothing").returncode == 0
    run = project.live().run
    assert run.args == ("-k", "good or nothing")
    assert (run.limits.deadline_s, run.ci) == (1800.0, True)
    ci(project, "--timeout", "20m", "--", "-k", "good")
    assert project.live().run.limits.deadline_s == 1200.0
    ci(project, "--", "-k", "good", PYTEST_TIMEOUT="77")
    assert project.live().run.limits.deadline_s == 77.0


def test_a_deadline_that_is_reached_is_124(project: Project) -> None:
    lint_with(project, 0)
    project.write(TEST, "import time\n\ndef test_slow():\n    time.sleep(100)\n")
    answer = ci(project, "--timeout", "1.5")
    assert answer.returncode == 124
    assert "tests: timed-out" in answer.stdout


def test_json_is_one_object_with_steps_and_run(project: Project) -> None:
    lint_with(project, 3)
    project.write(TEST, FAILING)
    answer = ci(project, "--json")
    assert answer.returncode == 1
    found = json.loads(answer.stdout)
    assert (found["walkaway"], found["code"]) == (1, 1)
    assert [(s["name"], s["code"], s["skipped"]) for s in found["steps"]] == [
        ("lint", 3, False),
        ("locks", 0, True),
        ("tests", 1, False),
    ]
    assert found["run"]["ended"]["outcome"] == "failed"


def test_a_killed_ci_leaves_the_tests_to_their_verdict(project: Project) -> None:
    lint_with(project, 0)
    project.write(
        TEST,
        "import os, time\n\ndef test_gated():\n    until = time.monotonic() + 60\n"
        "    while not os.path.exists('gate') and time.monotonic() < until:\n"
        "        time.sleep(0.02)\n",
    )
    process = project.popen("ci")
    wait_for(project.records.ids, "the run")
    live = project.live()
    wait_for(lambda: live.events("s"), "the test")
    process.kill()
    process.communicate()
    project.write("gate", "")
    assert live.outcome()["outcome"] == "passed"


def test_wrong_values_are_refused_as_a_failed_step(project: Project) -> None:
    lint_with(project, 0)
    answer = ci(project, "--timeout", "soon")
    assert answer.returncode == 64
    assert "--timeout is 'soon'" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr
    assert project.records.ids() == []
