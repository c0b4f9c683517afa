"""After a start that made no record, no look answers with the run that was there before it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import GATED, INV, Project, made, tidied
from tests.walkaway.support.waiting import wait_for
from walkaway.process import file_lock
from walkaway.runs import last_start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.walkaway.support.scratch import Live

ME, OTHER = ({"WALKAWAY_ORIGIN": name} for name in ("me", "other"))
WITHOUT_ENGINE = {**ME, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
LOOKS = ("progress", "wait", "failures", "results", "log", "stop")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, finished: Live) -> Iterator[Project]:
    """A project with one passed run."""
    with tidied(made(tmp_path_factory.mktemp("refused") / "project")) as project:
        project.inherit(finished)
        yield project


@pytest.fixture
def mine(project: Project, finished: Live) -> Live:
    """A passed run of ours in the project."""
    origin = {"kind": finished.run.origin.kind, "key": "WALKAWAY_ORIGIN=me"}
    return project.inherit(finished, origin=origin)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (64, ["test-async", "--timeout", "xx"]),
        (64, ["test", "--workers", "many", "--", "-k", "a b"]),
        (69, ["test-async", "--backend", "compose"]),
        (66, ["test-async", "--rerun", "nope"]),
        (5, ["test-async", "--rerun", "latest"]),
        (64, ["test-async", "--order-seed", "x"]),
        (64, ["ci", "--timeout", "xx"]),
        (69, ["build", "--detach"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_every_refused_start_is_what_a_wait_answers(
    shared: Project, code: int, words: list[str]
) -> None:
    refused = shared.inv(*words, env=WITHOUT_ENGINE)
    assert refused.returncode == code, refused.stdout + refused.stderr
    answer = shared.inv("wait", env=WITHOUT_ENGINE)
    assert answer.returncode == code
    first, *_, last = answer.stdout.splitlines()
    assert first.startswith("REFUSED  the last start, ")
    assert first.endswith(f"  exit {code}")
    if words[0] != "ci":
        assert refused.stderr.splitlines()[0] in first
    assert f"typed: {shlex.join(['inv', *words])}" in answer.stdout
    assert last.startswith("next: fix that and start again  or  inv wait --run ")
    assert len(answer.stdout.splitlines()) <= 5


@pytest.mark.parametrize("task", LOOKS)
def test_no_look_takes_the_run_before_a_refused_start_for_its_own(
    shared: Project, task: str
) -> None:
    older = shared.live().run.short
    assert shared.inv("test-async", "--backend", "compose", env=WITHOUT_ENGINE).returncode == 69
    answer = shared.inv(task, env=ME)
    lines = answer.stdout.splitlines()
    assert answer.returncode == (69 if task == "wait" else 0)
    assert lines[0].startswith("REFUSED  the last start, ")
    assert f"inv {task} --run {older} (older: all tests)" in lines[-1]
    assert "passed" not in answer.stdout.lower()
    found = json.loads(shared.inv(task, "--json", env=ME).stdout)
    assert (found["status"], found["live"]) == ("refused", False)
    assert found["last_start"]["code"] == 69
    assert found["last_start"]["before"]["short"] == older
    assert found.get("ended", found)["code"] == 69
    assert "passed" not in json.dumps(found)
    named = shared.inv(task, "--run", older, env=ME)
    assert named.returncode == 0
    assert "REFUSED" not in named.stdout
    assert shared.inv(task, "--run", "latest", env=ME).stdout.startswith("REFUSED  ")


def test_a_refusal_stands_for_its_origin_alone_and_until_a_start_succeeds(
    project: Project, mine: Live
) -> None:
    theirs = project.ended(env=OTHER)
    assert project.inv("test", "--timeout", "xx", env=ME).returncode == 64
    assert project.inv("wait", env=OTHER).stdout.startswith(f"PASSED  {theirs.run.short}  ")
    assert project.inv("wait", env=ME).returncode == 64
    assert project.inv("wait", env=ME).returncode == 64, "a look changes nothing"
    again = project.inv("test", env=ME)
    assert again.returncode == 0
    assert project.inv("wait", env=ME).stdout.startswith(f"PASSED  {project.live().run.short}  ")
    assert project.live().run.id > mine.run.id
    assert not list(project.records.folder.glob(".start-*"))


def test_a_joined_run_is_a_start_that_succeeded(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start(env=ME)
    project.gate_reached(live)
    assert project.inv("test-async", "--dist", "x", env=ME).returncode == 64
    assert project.inv("wait", "--timeout", "0", env=ME).returncode == 64
    assert project.inv("test-async", env=ME).stdout.startswith("already running")
    assert project.inv("wait", "--timeout", "0", env=ME).returncode == 75
    project.open_gate()
    live.outcome()


def test_a_live_run_from_before_is_named_and_only_stop_acts_on_it(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start(env=ME)
    project.gate_reached(live)
    assert project.inv("test-async", "--timeout", "xx", env=ME).returncode == 64
    waited = project.inv("wait", env=ME)
    assert waited.returncode == 64
    assert f"inv wait --run {live.run.short} (still running: all tests)" in waited.stdout
    stopped = project.inv("stop", env=ME)
    assert stopped.returncode == 0
    lines = stopped.stdout.splitlines()
    assert lines[0].startswith("the last start made no run, ")
    assert lines[1].startswith(f"STOPPED  {live.run.short}  ")
    assert live.outcome()["outcome"] == "stopped"


def test_without_a_run_before_it_the_refusal_is_the_answer_all_the_same(project: Project) -> None:
    assert project.inv("test-async", "--timeout", "xx").returncode == 64
    answer = project.inv("wait")
    assert answer.returncode == 64
    assert answer.stdout.splitlines()[-1] == "next: fix that and start again"


def test_a_start_that_is_killed_before_its_record_is_no_run(project: Project, mine: Live) -> None:
    older = mine.run.short
    path = str(project.records.folder / ".start.lock")
    with file_lock.exclusive(path, 1.0):
        process = project.popen("test-async", env=ME)
        wait_for(lambda: list(project.records.folder.glob(".start-run-*.json")), "the mark")
        progress = project.inv("progress", env=ME)
        assert progress.stdout.startswith("STARTING  for ")
        assert progress.returncode == 0
        assert project.json("progress", env=ME)["live"] is True
        assert project.inv("wait", "--timeout", "0.2", env=ME).returncode == 75
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        answer = project.inv("wait", env=ME)
        assert answer.returncode == 70
        assert answer.stdout.startswith("NOT STARTED  the last start, ")
        assert f"--run {older}" in answer.stdout.splitlines()[-1]
        assert project.json("wait", env=ME)["status"] == "died"


def test_a_wait_stays_with_a_start_that_is_under_way(project: Project, mine: Live) -> None:
    older = mine.run.short
    path = str(project.records.folder / ".start.lock")
    with file_lock.exclusive(path, 1.0):
        process = project.popen("test-async", env=ME)
        wait_for(lambda: list(project.records.folder.glob(".start-run-*.json")), "the mark")
        waiting = project.popen("wait", env=ME)
        time.sleep(0.3)
        assert waiting.poll() is None
    process.communicate(timeout=60)
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert out.splitlines()[-1].startswith(f"PASSED  {project.live().run.short}  ")
    assert project.live().run.short != older


def test_a_start_that_died_after_its_record_is_that_run(project: Project, mine: Live) -> None:
    place = last_start.of_runs(project.records, mine.run.origin.key, {})
    mark = place.folder / place.name
    mark.write_text(
        json.dumps({"stage": "starting", "pid": 2**22 - 1, "start": 1, "after": "2000"}),
        encoding="utf-8",
    )
    assert project.inv("wait", env=ME).stdout.startswith(f"PASSED  {mine.run.short}  ")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"stage": 7, "code": "x"}', "\0" * 99])
def test_a_mark_that_says_nothing_is_a_refusal_all_the_same(shared: Project, content: str) -> None:
    env = {"WALKAWAY_ORIGIN": f"torn {content!r}".replace("\0", "0")[:20]}
    origin_key = f"WALKAWAY_ORIGIN={env['WALKAWAY_ORIGIN']}"
    place = last_start.of_runs(shared.records, origin_key, {})
    (place.folder / place.name).write_text(content, encoding="utf-8")
    answer = shared.inv("wait", env=env)
    assert answer.returncode == 73
    assert answer.stdout.startswith("REFUSED  the last start, ")


@pytest.mark.usefixtures("mine")
def test_a_full_disk_hides_no_refusal(project: Project) -> None:
    limited = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *INV)
    assert project.inv("test-async", env=ME, program=limited).returncode == 73
    answer = project.inv("wait", env=ME)
    assert answer.returncode == 73
    assert answer.stdout.startswith("REFUSED  ")
    assert project.inv("test", env=ME).returncode == 0
    assert project.inv("wait", env=ME).returncode == 0


@pytest.mark.usefixtures("mine")
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_records_folder_that_takes_no_file_hides_no_refusal(
    project: Project, tmp_path: Path
) -> None:
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("mount namespaces are not allowed here")
    env = {**ME, "WALKAWAY_RUNTIME_DIR": str(tmp_path / "runtime")}
    script = 'mount --bind logs logs && mount -o remount,ro,bind logs && "$@" test-async; '
    script += '"$@" wait; echo "code $?"; umount logs; "$@" test; "$@" wait'
    program = ("unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-m", "invoke")
    answer = project.inv(env=env, program=program)
    assert "REFUSED  the last start, " in answer.stdout, answer.stdout + answer.stderr
    assert "code 73" in answer.stdout
    assert answer.returncode == 0, "and it goes with the next start"


def test_a_refused_hunt_is_not_the_hunt_before_it(project: Project) -> None:
    assert project.inv("flaky", "--runs", "1", env=ME).returncode == 0
    before = project.json("flaky", "--hunt", "latest", env=ME)["hunt"]["short"]
    assert project.inv("flaky", "--seed", "x", env=ME).returncode == 64
    answer = project.inv("flaky", "--hunt", "latest", env=ME)
    assert answer.returncode == 64
    assert answer.stdout.startswith("REFUSED  the last start, ")
    assert f"inv flaky --hunt {before} (older)" in answer.stdout
    found = project.json("flaky", "--hunt", "latest", env=ME)
    assert (found["hunt"], found["code"], found["last_start"]["before"]) == (None, 64, before)
    assert project.inv("flaky", "--hunt", before, env=ME).returncode == 0
    assert project.inv("flaky", "--runs", "1", env=ME).returncode == 0
    assert project.inv("flaky", "--hunt", "latest", env=ME).returncode == 0


def test_marks_are_few_and_go_with_rotation(project: Project, mine: Live) -> None:
    for number in range(70):
        place = last_start.of_runs(project.records, f"gone {number}", {})
        last_start.refuse(place, "inv test-async", 64, "no")
    marks = sorted(project.records.folder.glob(".start-*"))
    assert len(marks) == 64
    plan = project.json("rotate-logs", "--dry-run")
    assert plan["leftovers"] == []
    assert plan["foreign"] == 0
    week_ago = time.time() - 8 * 86400
    for mark in marks[:5]:
        os.utime(mark, (week_ago, week_ago))
    assert project.inv("rotate-logs").returncode == 0
    assert sorted(project.records.folder.glob(".start-*")) == marks[5:]
    assert mine.record.folder.exists()
