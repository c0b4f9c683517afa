"""What `failures`, `results`, `log` and `runs` answer, while a run lives and after it."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from typing import TYPE_CHECKING

from tests.walkaway.support.project import GATED, INV, Project
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from tests.walkaway.support.scratch import Live

LIVE_FAILURES = "def test_one(): assert 1 == 2\ndef test_two(): raise KeyError('gone')\n" + GATED


def test_every_look_answers_while_the_run_is_live(project: Project) -> None:
    project.write("tests/test_it.py", LIVE_FAILURES)
    live = project.start()
    wait_for(lambda: len(live.events("s")) == 4, "the gate")
    name = live.run.short
    progress = project.inv("progress").stdout.splitlines()
    assert progress[0].startswith(f"RUNNING  {name}  all tests")
    assert progress[1].startswith("3/4 75%  2 failed, 1 passed  after ")
    assert progress[2].startswith("now  tests/test_it.py::test_gated  ")
    assert progress[-1].startswith("next: ")
    failures = project.inv("failures").stdout
    assert failures.startswith(f"2 failures, 2 causes  {name}  all tests  RUNNING 3/4 75%\n")
    assert f"--since 2" in failures.splitlines()[-1]  # noqa: F541
    listed = project.inv("results").stdout.splitlines()
    assert [line.split()[0] for line in listed[:4]] == ["FAILED", "FAILED", "PASSED", "RUNNING"]
    running = project.inv("results", "--result", "running").stdout.splitlines()
    assert running[0].split() == ["RUNNING", "tests/test_it.py::test_gated"]
    assert project.inv("runs").stdout.startswith(f"{name}  RUNNING  3/4, 2 bad")
    assert "test_two FAILED" in project.inv("log").stdout
    project.open_gate()
    live.outcome()


def test_since_shows_only_what_is_new(project: Project) -> None:
    project.write("tests/test_it.py", LIVE_FAILURES + "\ndef test_three(): assert 3 == 4\n")
    live = project.start()
    wait_for(lambda: len(live.events("s")) == 4, "the gate")
    first = project.json("failures")
    assert (first["total"], len(first["causes"])) == (2, 2)
    none = project.inv("failures", "--since", "2").stdout
    assert none.startswith("no new failure")
    project.open_gate()
    live.outcome()
    second = project.json("failures", "--since", str(first["total"]))
    assert second["total"] == 3
    assert [cause["ids"] for cause in second["causes"]] == [["tests/test_it.py::test_three"]]
    assert project.json("failures", "--since", "99")["causes"] == []


def test_results_can_be_narrowed(project: Project) -> None:
    source = "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_n(n): assert n % 2\n"
    project.write("tests/test_it.py", source)
    project.ended()
    failed = project.json("results", "--result", "failed, crashed", "--match", "test_n[4]")
    assert [row["id"] for row in failed["results"]] == ["tests/test_it.py::test_n[4]"]
    few = project.json("results", "--limit", "2")
    assert (len(few["results"]), few["more"]) == (2, 7)
    assert len(project.json("results", "--limit", "0")["results"]) == 9
    assert project.inv("results", "--match", "nothing").stdout.startswith("no such test  ")


def test_log_shows_the_last_lines_and_head_may_close_the_pipe(project: Project) -> None:
    source = "def test_a():\n    for n in range(30000): print('line', n)\n"
    project.write("tests/test_it.py", source)
    project.ended("--", "-s")
    assert len(project.inv("log").stdout.splitlines()) == 40
    assert len(project.inv("log", "--lines", "7").stdout.splitlines()) == 7
    assert project.inv("log", "--lines", "0").stdout == ""
    script = '"$@" | head -2'
    answer = project.inv("log", "--lines", "20000", program=("sh", "-c", script, "sh", *INV))
    assert len(answer.stdout.splitlines()) == 2
    assert answer.stderr == ""
    told = project.json("log", "--lines", "3")
    assert len(told["lines"]) == 3
    assert told["log"].endswith(".log")


def test_log_follow_shows_whole_lines_until_the_end(project: Project) -> None:
    source = "import sys, time, os\n" + GATED + (
        "\ndef test_slow_line():\n    for part in ('one ', 'two ', 'three\\n'):\n"
        "        sys.stdout.write(part); sys.stdout.flush(); time.sleep(0.3)\n"
    )  # fmt: skip
    project.write("tests/test_it.py", source)
    live = project.start("--", "-s")
    project.gate_reached(live)
    process = project.popen("log", "--follow", "--lines", "1", env={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    first = process.stdout.readline()
    project.open_gate()
    rest, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, "")
    assert "one two three" in re.sub(r"^.*test_slow_line ", "", rest, flags=re.MULTILINE)
    assert rest.splitlines()[-1].strip("= ").startswith("3 passed")
    assert first.strip()


def test_log_follow_bears_a_deleted_log(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start()
    project.gate_reached(live)
    process = project.popen("log", "--follow", env={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    process.stdout.readline()
    subprocess.run(["rm", "-rf", str(live.folder), str(live.record.log)], check=True)
    project.open_gate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told == ""
    live.outcome()


def test_every_look_at_a_run_that_is_over_answers_as_json_and_without_its_log(
    project: Project, past: Live
) -> None:
    for task in ("progress", "status", "wait", "failures", "results", "log", "logs", "runs"):
        answer = project.inv(task, "--json")
        assert len(answer.stdout.splitlines()) == 1, task
        assert json.loads(answer.stdout)["walkaway"] == 1
    followed = project.inv("log", "--follow", "--lines", "1")
    assert followed.returncode == 0
    assert followed.stdout.strip("= \n").startswith("1 passed")
    past.record.log.write_bytes(b"")
    assert project.inv("log").stdout == f"run {past.run.short} has printed nothing so far\n"
    past.record.log.unlink()
    gone = project.inv("log")
    assert gone.returncode == 66
    assert gone.stderr.startswith(f"The log of run {past.run.short} is gone: ")
    assert project.inv("progress").returncode == 0


def test_thousands_of_records_are_listed_and_chosen_from(project: Project, past: Live) -> None:
    for n in range(2000):
        record = project.forge(f"20250101-{n // 60 % 24:02}{n % 60:02}00-{n:04x}", past)
        (record.folder / "outcome.json").symlink_to(past.record.path("outcome.json"))
    assert len(project.records.ids()) == 2001
    assert project.inv("progress").stdout.startswith(f"PASSED  {past.run.short}  ")
    listed = project.inv("runs").stdout.splitlines()
    assert len(listed) == 12
    assert listed[10] == "+ 1,991 older"
    assert project.inv("progress", "--run", "07cf").stdout.startswith("PASSED  07cf  ")
    assert project.start().run.id > past.run.id


def test_a_pipe_gets_no_colour(project: Project) -> None:
    tested = project.inv("test")
    wait = ("wait", "--run", project.live().run.id)
    readers: tuple[dict[str, str], ...] = ({"NO_COLOR": "1"}, {"CI": "true"}, {"AI_AGENT": "x"}, {})
    for answer in (tested, *(project.inv(*wait, env=reader) for reader in readers)):
        assert "\x1b" not in answer.stdout
        assert answer.stdout.splitlines()[-1].startswith("PASSED  ")


HEALED = """
    seen = []
    def test_heals(subtests):
        seen.append(1)
        with subtests.test("one"): assert len(seen) > 1, "in the first attempt"
    def test_bad(): assert len(seen) < 0, "always"
"""


def test_failures_leave_out_attempts_that_were_rerun_unless_asked(project: Project) -> None:
    project.write("tests/test_it.py", textwrap.dedent(HEALED))
    live = project.ended("--", "-p", "pytest_rerunfailures", "--reruns=1")
    first, *rest = project.inv("failures").stdout.splitlines()
    assert first.startswith(f"1 failure, 1 cause  {live.run.short}")
    assert not any("in the first attempt" in line for line in rest)
    told = project.json("failures")
    assert [cause["ids"] for cause in told["causes"]] == [["tests/test_it.py::test_bad"]]
    everything = project.inv("failures", "--all").stdout
    assert everything.startswith(f"3 failures, 2 causes  {live.run.short}")
    assert "in the first attempt (in an attempt that was rerun)" in everything
    assert "always (1 of them in an attempt that was rerun)" in everything
    counted = {
        c["ids"][0]: (c["count"], c["attempts"])
        for c in project.json("failures", "--all")["causes"]
    }
    assert counted == {"tests/test_it.py::test_bad": (2, 1), "tests/test_it.py::test_heals": (1, 1)}
    again = told["causes"][0]["rerun"]
    assert again in everything
    listed = project.json("results")["results"]
    assert {row["id"].rpartition(":")[2]: row["result"] for row in listed} == {
        "test_heals": "passed",
        "test_bad": "failed",
    }


def test_every_look_counts_modules_skipped_whole(project: Project) -> None:
    project.write("tests/test_gone.py", "import pytest\npytest.importorskip('no_such_module')\n")
    project.write("tests/test_it.py", "def test_a(): pass\ndef test_b(): assert 0\n")
    live = project.ended()
    assert project.json("progress")["counts"]["by_result"] == live.outcome()["counts"]
    counts = project.json("wait")["counts"]
    assert (counts["done"], counts["expected"]) == (3, 3)
    listed = project.json("results")["results"]
    assert {row["id"]: row["result"] for row in listed} == {
        "tests/test_it.py::test_a": "passed",
        "tests/test_it.py::test_b": "failed",
        "tests/test_gone.py": "skipped",
    }
    assert "1 of 3 failed" in project.inv("progress").stdout
    skipped = project.inv("results", "--result", "skipped").stdout
    assert skipped.startswith("SKIPPED  tests/test_gone.py")
