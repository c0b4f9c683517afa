"""A verdict that was not waited for says how old it is, and whether files changed since."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.walkaway.support.project import GATED, Project
from tests.walkaway.tasks.test_waiting import attached

if TYPE_CHECKING:
    import subprocess

STEP = "def test_step(): pass\ndef test_other(): assert 1 == 2\n"
AGED = re.compile(r"  ended [0-9.]+ (ms|s|min) ago; (.*)$")


def since(answer: subprocess.CompletedProcess[str]) -> str:
    """Return what the first line says of the time since the end; empty: nothing."""
    found = AGED.search(answer.stdout.splitlines()[0])
    return found[2] if found else ""


def test_code_that_changed_after_the_run_is_told_in_the_first_line(project: Project) -> None:
    project.write("tests/test_it.py", STEP)
    project.commit()
    ran = project.inv("test", "--", "-k", "step")
    assert ran.returncode == 0
    assert "ended" not in ran.stdout, "it was waited for"
    assert since(project.inv("wait")) == "no file changed since"
    project.write("tests/test_it.py", STEP.replace("pass", "assert 0"))
    for task in ("wait", "progress", "failures", "stop"):
        answer = project.inv(task)
        assert answer.returncode == 0
        lines = answer.stdout.splitlines()
        if task == "stop":
            assert lines.pop(0).endswith("had already ended: nothing was stopped")
        found = AGED.search(lines[0])
        assert found is not None, lines
        assert found[2] == "1 file changed since"
        if task != "failures":
            assert lines[1] == "changed since: tests/test_it.py"
    last = project.inv("results").stdout.splitlines()[-1]
    assert AGED.search(f" {last}".replace(" ended", "  ended")), last
    assert last.endswith("; 1 file changed since")
    for task in ("wait", "progress", "failures", "results"):
        found_json = project.json(task)["since_end"]
        assert (found_json["tree"], found_json["nchanged"]) == ("changed", 1)
        assert found_json["changed"] == ["tests/test_it.py"]
        assert found_json["ended_s"] > 0
    named = project.inv("progress", "--run", project.live().run.short)
    assert since(named) == "1 file changed since"


def test_what_was_tested_and_then_committed_has_not_changed(project: Project) -> None:
    project.commit()
    project.write("tests/test_it.py", STEP)
    assert project.inv("test", "--", "-k", "step").returncode == 0
    project.commit()
    assert since(project.inv("wait")) == "no file changed since"


def test_a_verdict_that_was_waited_for_says_no_age(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start()
    project.gate_reached(live)
    assert project.json("progress")["since_end"] is None
    waiting = project.popen("wait")
    attached(waiting.pid)
    project.open_gate()
    out, _ = waiting.communicate(timeout=60)
    assert out.startswith(f"PASSED  {live.run.short}  ")
    assert " ago" not in out
    assert "changed since" not in out


def test_what_the_tests_themselves_write_is_no_change_since(project: Project) -> None:
    project.write("tests/test_it.py", "def test_a(): open('made', 'w').close()\n")
    assert project.inv("test").returncode == 0
    assert since(project.inv("wait")) == "no file changed since"
    project.write("tests/test_it.py", "def test_a(): assert 0\n")
    assert since(project.inv("wait")) == "1 file changed since"
