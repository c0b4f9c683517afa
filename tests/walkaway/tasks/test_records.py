"""Records that are not as they should be: unsupervised, vanished, copied, foreign, torn."""

from __future__ import annotations

import json
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import GATED, Project, made, tidied
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table

if TYPE_CHECKING:
    from tests.walkaway.support.scratch import Live


@pytest.fixture
def live(project: Project) -> Live:
    """A run that stands before its gate."""
    project.write("tests/test_it.py", "def test_bad(): assert 0\n" + GATED)
    live = project.start("--timeout", "90")
    wait_for(lambda: len(live.events("s")) == 3, f"the gate\n{live.described()}")
    return live


def test_a_look_notices_a_dead_supervisor_and_gives_the_run_a_new_one(
    project: Project, live: Live
) -> None:
    live.kill_supervisor()
    first = project.inv("progress").stdout
    assert "no supervisor: it died; a new one has taken over" in first
    wait_for(lambda: live.journal("supervisor")[-1]["adopted"], "the new supervisor")
    second = project.inv("progress").stdout
    assert "no supervisor" not in second
    assert second.startswith(f"RUNNING  {live.run.short}  ")
    project.open_gate()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"], outcome["reported"]) == ("failed", 1, 3)
    assert project.inv("wait").returncode == 1


def test_a_new_supervisor_holds_the_deadline(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start("--timeout", "4", env={"INVOKE_WALKAWAY_GRACE_S": "0.5"})
    project.gate_reached(live)
    live.kill_supervisor()
    assert project.inv("wait").returncode == 124
    assert live.outcome()["outcome"] == "timed-out"


def test_a_run_without_supervisor_can_be_stopped(project: Project, live: Live) -> None:
    live.kill_supervisor()
    answer = project.inv("stop")
    assert (answer.returncode, answer.stdout.split()[0]) == (0, "STOPPED")
    assert not proc_table.alive(*live.pytest())


def test_when_both_are_killed_it_has_vanished(project: Project, live: Live) -> None:
    pid, start = live.pytest()
    live.kill_supervisor()
    proc_table.send(pid, start, signal.SIGKILL)
    wait_for(lambda: not proc_table.alive(pid, start), "pytest's death")
    answer = project.inv("wait")
    assert answer.returncode == 70
    assert answer.stdout.startswith(f"VANISHED  {live.run.short}  ")
    assert "the last event is " in answer.stdout
    assert project.inv("progress").returncode == 0
    assert "test_bad" in project.inv("failures").stdout
    assert not live.record.path("outcome.json").exists(), "readers write no outcome"
    stopped = project.inv("stop")
    assert stopped.returncode == 0
    assert "had already ended" in stopped.stdout


def test_a_copy_elsewhere_cannot_tell_and_never_says_vanished(project: Project, live: Live) -> None:
    with tidied(made(project.root.parent / "elsewhere")) as other:
        shutil.copytree(project.root / "logs", other.root / "logs")
        told = other.inv("progress")
        assert told.returncode == 0
        assert told.stdout.startswith(
            f"UNKNOWN  {live.run.short}  all tests  cannot tell from here"
        )
        assert "vanished" not in told.stdout.lower()
        waited = other.inv("wait")
        assert waited.returncode == 66
        assert "cannot tell from here" in waited.stdout
        assert other.inv("stop").returncode == 66
        assert other.inv("runs").stdout.split()[1] == "UNKNOWN"
        assert proc_table.alive(*live.pytest()), "a look at a copy ends nothing"


ELSEWHERE: tuple[tuple[dict[str, object], str], ...] = (
    ({"host": "elsewhere pid:[1]"}, "it was started on another host (elsewhere)"),
    ({"boot_id": "another"}, "the machine was restarted"),
    ({"lock": [1, 1], "host": "elsewhere pid:[1]"}, "another host"),
)


def test_another_host_or_boot_cannot_be_told_from_here(past: Live, project: Project) -> None:
    for number, (changes, why) in enumerate(ELSEWHERE, 1):
        record = project.forge(f"20990101-000000-000{number}", past, **changes)
        record.path("supervisor.lock").touch()
        record.path("events.jsonl").write_text('{"e":"loaded","t":0.1,"pid":1,"start":1}\n')
        record.log.touch()
        told = project.inv("progress")
        assert (told.returncode, told.stderr) == (0, "")
        first = told.stdout.splitlines()[0]
        assert first.startswith(f"UNKNOWN  000{number}  all tests  cannot tell from here: ")
        assert why in first
        assert project.inv("wait").returncode == 66


def test_a_record_of_a_newer_version_is_said_to_be_one(past: Live, project: Project) -> None:
    project.forge("20990101-000000-0001", past, schema=2, soul="new", version="9.0")
    answer = project.inv("progress", "--run", "0001")
    assert answer.returncode == 66
    first, second = answer.stderr.splitlines()
    assert first == (
        "Run 20990101-000000-0001 was recorded by another Walkaway (9.0, schema 2); "
        "this one reads schema 1."
    )
    assert second.endswith("test-run-20990101-000000-0001/outcome.json")
    assert project.inv("runs").stdout.split()[0] == past.run.short
    assert project.inv("progress").stdout.split()[1] == past.run.short
    assert project.start().run.id > "20990101-000000-0001"


def test_an_outcome_with_unknown_words_is_no_verdict(past: Live, project: Project) -> None:
    data = json.loads(past.record.path("outcome.json").read_bytes())
    data |= {"outcome": "enlightened", "code": 42, "counts": {"levitated": 3}, "duration_s": "x"}
    past.record.path("outcome.json").write_text(json.dumps(data), encoding="utf-8")
    answer = project.inv("wait")
    assert (answer.returncode, answer.stdout) == (66, "")
    first = f"The outcome of run {past.run.id} cannot be read: 'enlightened' is not"
    assert answer.stderr.startswith(first)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": 5}', "\0\0", '{"id": "x", "root": 1}'])
def test_a_torn_run_json_is_one_line_and_hides_no_other_run(
    past: Live, project: Project, text: str
) -> None:
    record = project.forge("20990101-000000-0001", past)
    record.path("run.json").write_text(text, encoding="utf-8")
    answer = project.inv("progress", "--run", "0001")
    assert answer.returncode == 66
    assert answer.stderr.startswith("The record of run 20990101-000000-0001 cannot be read: ")
    assert len(answer.stderr.splitlines()) <= 3
    assert project.inv("progress").stdout.split()[1] == past.run.short
    assert project.inv("runs").stdout.split()[0] == past.run.short


GARBAGE = (
    b'\xff\xfe{"e":"s"\n\n{}\n[1]\n{"e":7}\n{"e":"new","t":"x"}\nnull\n{"e":"k","c":5}\n\0\0\n'
)


def test_garbage_among_the_lines_changes_nothing(project: Project, live: Live) -> None:
    names = ("events.jsonl", "supervisor.jsonl", "failures.jsonl")
    for name in names:
        with live.record.path(name).open("ab") as file:
            file.write(GARBAGE)
    for task in ("progress", "failures", "results", "runs", "log"):
        answer = project.inv(task)
        assert (answer.returncode, answer.stderr) == (0, ""), task
    project.open_gate()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["reported"]) == ("failed", 3)
    for name in names:
        with live.record.path(name).open("ab") as file:
            file.write(b'\n{"e":"f","i":1,"r":"pas')
    assert project.inv("wait").returncode == 1


def test_an_unreadable_outcome_is_none(past: Live, project: Project) -> None:
    past.record.path("outcome.json").write_text('{"outcome": "pas', encoding="utf-8")
    answer = project.inv("wait")
    assert answer.returncode == 0
    assert answer.stdout.startswith(f"PASSED  {past.run.short}  ")
    assert "the recorder's last event says" in answer.stdout
