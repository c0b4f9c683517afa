"""A start gives the prompt back at once, and nothing that then happens to the starter matters."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.walkaway.support.project import GATED, INV, Project
from tests.walkaway.support.waiting import wait_for
from walkaway.process import file_lock, proc_table

MANY = 50
"""Starts at once, answered by one run."""
RUNS = 12
"""Starts at once, each of them a run."""
STARTED = re.compile(r"(started|already running)  ([0-9a-f]{4})  ")


@pytest.fixture
def gated(project: Project) -> Project:
    """A project whose tests wait for the file `gate`."""
    project.write("tests/test_it.py", GATED)
    return project


def finished_true(project: Project) -> None:
    """Let the newest run go on; it must end with the true verdict."""
    live = project.live()
    project.gate_reached(live)
    project.open_gate()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["reported"]) == ("passed", 2)
    assert outcome["supervised"] is True


def test_the_prompt_is_back_while_the_tests_run(gated: Project) -> None:
    answer = gated.inv("test-async")
    live = gated.live()
    assert answer.returncode == 0
    assert answer.stderr == ""
    first, log, following = answer.stdout.splitlines()
    assert first == f"started  {live.run.short}  all tests (deadline 4 h)"
    assert log == f"log: logs/tests/pytest/test-run-{live.run.id}.log"
    assert f"inv progress --run {live.run.short}" in following
    assert f"inv wait --run {live.run.short}" in following
    finished_true(gated)


@pytest.mark.parametrize(
    "script",
    [
        *('"$@" 2>&1 | tee copy', '{ "$@" & wait; } | cat'),
        *(
            pytest.param(script, marks=pytest.mark.soak)
            for script in ('"$@" | cat', 'x=$("$@"); echo "$x"')
        ),
    ],
)
def test_a_reader_of_the_pipe_gets_its_end_at_once(gated: Project, script: str) -> None:
    # `subprocess.run` returns at end of file alone: while the run lives, it has come.
    answer = gated.inv("test-async", program=("sh", "-c", script, "sh", *INV))
    assert STARTED.match(answer.stdout)
    assert not gated.live().record.path("outcome.json").exists()
    finished_true(gated)


def leader(project: Project, words: tuple[str, ...], then: str) -> subprocess.Popen[str]:
    """Start a shell, leader of a session, that starts a run and stays."""
    script = f'"$@"; {then}'
    return subprocess.Popen(
        ("setsid", "sh", "-c", script, "sh", *words),
        cwd=project.root,
        env=project.env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    "kind", ["session", "tree", "hang-up", pytest.param("group", marks=pytest.mark.soak)]
)
def test_killing_the_starter_s_side_does_not_touch_the_run(gated: Project, kind: str) -> None:
    shell = leader(gated, (*INV, "test-async"), "echo up; exec sleep 100")
    with shell:
        assert shell.stdout is not None
        wait_for(lambda: "up" in (shell.stdout.readline() if shell.stdout else ""), "the start")
        everyone = proc_table.everyone()
        doomed = [(p.pid, p.start) for p in proc_table.descendants(shell.pid, everyone)]
        if kind == "session":
            doomed = [(p.pid, p.start) for p in everyone.values() if session(p.pid) == shell.pid]
        for pid, start in doomed:
            proc_table.send(pid, start, signal.SIGKILL)
        if kind == "hang-up":
            os.killpg(shell.pid, signal.SIGHUP)
        os.killpg(shell.pid, signal.SIGKILL)
    finished_true(gated)


def session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_test_leaves_its_run_and_its_id(gated: Project, number: int) -> None:
    process = gated.popen("test", session=True)
    with process:
        assert process.stdout is not None
        first = process.stdout.readline()  # before anything else, and before the end
        os.killpg(process.pid, number)
    found = STARTED.match(first)
    assert found is not None
    assert found[2] == gated.live().run.short
    finished_true(gated)


def test_a_start_in_the_background_of_a_script_can_be_stopped(gated: Project) -> None:
    # A shell without job control gives its background jobs an ignored INT.
    script = '"$@" >answer & wait'
    gated.inv("test-async", program=("sh", "-c", script, "sh", *INV))
    live = gated.live()
    gated.gate_reached(live)
    assert gated.inv("stop").returncode == 0
    assert [event["sig"] for event in live.journal("signal")] == ["SIGINT"]
    assert live.outcome()["outcome"] == "stopped"


def has_open(pid: int, path: Path) -> bool:
    found = [os.path.realpath(link) for link in Path("/proc", str(pid), "fd").iterdir()]
    return str(path) in found


def many(project: Project, count: int, *words: str) -> list[str]:
    """Begin many starts, let all go at once, and return their answers, the JSON objects."""
    project.records.prepare()
    lock = project.records.folder / ".start.lock"
    with file_lock.exclusive(str(lock), 1.0):
        starts = [project.popen("test-async", "--json", *words) for _ in range(count)]
        wait_for(lambda: all(has_open(start.pid, lock) for start in starts), "all at the lock")
    answers = [start.communicate(timeout=120) for start in starts]
    assert [told for _, told in answers] == [""] * count
    assert {start.returncode for start in starts} == {0}
    return [answer for answer, _ in answers]


@pytest.mark.serial
def test_many_identical_starts_are_one_run_and_all_answers_name_it(gated: Project) -> None:
    found = [json.loads(answer) for answer in many(gated, MANY)]
    (run_id,) = gated.records.ids()
    assert {answer["run"]["id"] for answer in found} == {run_id}
    assert sum(not answer["joined"] for answer in found) == 1
    finished_true(gated)


@pytest.mark.serial
def test_many_starts_with_again_are_as_many_runs_in_order(project: Project) -> None:
    found = [json.loads(answer)["run"] for answer in many(project, RUNS, "--again")]
    ids = project.records.ids()
    assert len(ids) == RUNS
    assert sorted(run["id"] for run in found) == ids
    by_start = sorted(found, key=lambda run: run["created_s"])
    assert [run["id"] for run in by_start] == ids
    for run_id in ids:
        assert project.live(run_id).outcome(120)["outcome"] == "passed"
    hidden = [path.name for path in project.records.folder.iterdir() if ".new" in path.name]
    assert not hidden


def test_an_answer_that_joins_says_so_and_is_no_failure_and_after_the_end_it_is_a_new_run(
    gated: Project,
) -> None:
    first = gated.start()
    answer = gated.inv("test-async")
    assert answer.returncode == 0
    assert answer.stdout.startswith(f"already running  {first.run.short}  all tests (same ")
    waited = gated.inv("wait", "--timeout", "0")
    assert waited.returncode == 75
    finished_true(gated)
    assert gated.records.ids() == [first.run.id]
    assert gated.start().run.id > first.run.id


@pytest.mark.parametrize("git", ["git", ""])
def test_a_start_after_an_edit_is_a_new_run(gated: Project, git: str) -> None:
    if git:
        gated.write(".gitignore", "logs/\ngate\n")
        gated.commit()
    first = gated.start()
    assert gated.start().run.id == first.run.id
    gated.write("tests/test_it.py", GATED + "# edited\n")
    second = gated.start()
    assert second.run.id > first.run.id
    gated.write("other.py", "")
    third = gated.start()
    assert third.run.id > second.run.id
    assert gated.start().run.id == third.run.id
    gated.open_gate()
    for live in (first, second, third):
        assert live.outcome()["outcome"] == "passed"


def test_other_arguments_or_another_folder_are_another_run(gated: Project) -> None:
    first = gated.start()
    assert gated.start("--timeout", "100").run.id == first.run.id  # a limit is no difference
    assert gated.start("--", "-v").run.id != first.run.id
    assert gated.start(cwd=gated.root / "tests").run.id != first.run.id
    gated.open_gate()


def test_a_start_while_a_stop_is_under_way_is_a_new_run(gated: Project) -> None:
    slow = GATED + "\nimport pytest\n@pytest.fixture(autouse=True)\ndef slow_end():\n    yield\n"
    gated.write(
        "tests/test_it.py", slow + "    while not os.path.exists('gate'): time.sleep(.02)\n"
    )
    gated.open_gate()
    first = gated.start()
    (gated.root / "gate").unlink(missing_ok=True)
    first.ask_to_stop()
    second = gated.start()
    assert second.run.id != first.run.id
    gated.open_gate()
    assert second.outcome()["outcome"] == "passed"


def test_relative_paths_mean_the_folder_where_one_stands(project: Project) -> None:
    project.write("tests/deep/test_there.py", "def test_there(): pass\n")
    live = project.start("--", "test_there.py", cwd=project.root / "tests/deep")
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["expected"]) == ("passed", 1)
    assert live.run.root == str(project.root)
    assert live.folder.is_relative_to(project.root / "logs")
    again = project.inv("progress", cwd=project.root / "tests")
    assert again.stdout.startswith(f"PASSED  {live.run.short}")


def test_make_s_own_variables_and_the_limit_stay_outside(project: Project) -> None:
    told = "import json, os\ndef test_environ():\n    with open('e.json', 'w') as file:\n"
    project.write("tests/test_it.py", told + "        json.dump(dict(os.environ), file)\n")
    env = {"MAKEFLAGS": "-j4 --jobserver-auth=3,4", "MAKELEVEL": "1", "PYTEST_TIMEOUT": "90"}
    live = project.ended(env={**env, "WALKAWAY_ARGS": "x"})
    assert live.run.limits.deadline_s == 90
    there = json.loads((project.root / "e.json").read_bytes())
    assert not {*env, "WALKAWAY_ARGS"} & set(there)
    assert there["WALKAWAY_RUN"] == str(live.folder)


@pytest.mark.parametrize("task", ["test-async", "flaky"])
def test_a_folder_that_is_gone_is_said(project: Project, tmp_path: Path, task: str) -> None:
    gone = project.root / "gone"
    gone.mkdir()
    script = f'cd gone && rmdir ../gone && exec "$@" --search-root "{project.root}" {task}'
    answer = project.inv(program=("sh", "-c", script, "sh", *INV))
    assert answer.returncode == 64
    assert answer.stderr.splitlines()[0].startswith("The current folder no longer exists")
    assert tmp_path.exists()
