"""`wait` and `test` carry the verdict; Ctrl-C ends the one's run and never the other's."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import GATED, Project
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table
from walkaway.tasks import inspect_runs
from walkaway.tasks.invoke_adapter import Here
from walkaway.text import Style

if TYPE_CHECKING:
    from pathlib import Path

    from tests.walkaway.support import warm
    from tests.walkaway.support.scratch import Live

FAILING = "def test_a(): pass\ndef test_b(): assert 1 == 2\n"
SLEEPING = "import time\ndef test_long(): time.sleep(100)\n"


@pytest.mark.parametrize(
    ("source", "words", "code", "outcome"),
    [
        ("def test_a(): pass\n", [], 0, "PASSED"),
        (FAILING, [], 1, "FAILED"),
        ("import nothing_like_this\n", [], 2, "COLLECTION ERROR"),
        (FAILING, ["--", "--no-such-option"], 4, "USAGE ERROR"),
        (FAILING, ["--", "-k", "nothing"], 5, "NO TESTS"),
        (SLEEPING, ["--timeout", "1.5"], 124, "TIMED OUT"),
        ("import os\ndef test_a(): os._exit(0)\n", [], 65, "CRASHED"),
        ("import os, signal\ndef test_a(): os.kill(os.getpid(), 11)\n", [], 139, "CRASHED"),
        (FAILING, ["--", "--collect-only"], 0, "NOTHING RUN"),
    ],
)
def test_test_and_wait_exit_with_the_verdict(
    project: Project, source: str, words: list[str], code: int, outcome: str
) -> None:
    project.write("tests/test_it.py", source)
    answer = project.inv("test", *words, env={"INVOKE_WALKAWAY_GRACE_S": "0.5"})
    assert answer.returncode == code, answer.stdout
    short = project.live().run.short
    lines = answer.stdout.splitlines()
    assert lines[0].startswith(f"started  {short}  ")
    assert any(line.startswith(f"{outcome}  {short}  ") for line in lines[1:])
    waited = project.inv("wait")
    assert waited.returncode == code
    assert waited.stdout.startswith(f"{outcome}  {short}  ")
    for look in ("progress", "failures", "results", "log", "runs", "stop"):
        assert project.inv(look).returncode == 0


def test_a_configured_interpreter_without_pytest_is_not_started(project: Project) -> None:
    project.write("invoke.yaml", "walkaway: {pytest: [/bin/sh, -c, 'echo no pytest; exit 1']}\n")
    answer = project.inv("test")
    assert answer.returncode == 69
    assert "no pytest" in answer.stdout


def test_a_stopped_run_is_2_for_those_who_wait(project: Project) -> None:
    project.write("tests/test_it.py", SLEEPING)
    live = project.start()
    wait_for(lambda: live.events("s"), "the test")
    stopped = project.inv("stop")
    assert stopped.returncode == 0
    assert stopped.stdout.startswith(f"STOPPED  {live.run.short}  ")
    assert project.inv("wait").returncode == 2
    again = project.inv("stop")
    assert again.returncode == 0
    assert again.stdout.startswith(f"{live.run.short} had already ended: nothing was stopped\n")


def test_json_of_wait_and_test_is_the_last_word_alone(project: Project) -> None:
    project.write("tests/test_it.py", FAILING)
    answer = project.inv("test", "--json")
    found = json.loads(answer.stdout)
    assert (answer.returncode, found["ended"]["outcome"]) == (1, "failed")
    assert answer.stderr.startswith(f"started  {found['run']['short']}  ")
    waited = project.inv("wait", "--json")
    assert len(waited.stdout.splitlines()) == 1
    assert json.loads(waited.stdout)["ended"]["code"] == waited.returncode == 1


def test_time_up_is_75_and_says_how_to_go_on(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start()
    project.gate_reached(live)
    for limit in ("0", "0.3"):
        answer = project.inv("wait", "--timeout", limit)
        assert answer.returncode == 75
        assert answer.stdout.startswith(f"RUNNING  {live.run.short}  ")
        assert f"inv wait --run {live.run.short}" in answer.stdout.splitlines()[-1]
    assert json.loads(project.inv("wait", "--timeout", "0", "--json").stdout)["live"] is True


@pytest.mark.parametrize(
    ("attended", "ci", "agent", "limit_s"),
    [
        (True, False, False, None),
        (False, True, False, None),
        (False, False, False, 100),
        (False, False, True, 100),
        (False, True, True, 100),
    ],
)
def test_a_wait_without_a_limit_has_the_readers(
    tmp_path: Path,
    attended: bool,  # noqa: FBT001
    ci: bool,  # noqa: FBT001
    agent: bool,  # noqa: FBT001
    limit_s: float | None,
) -> None:
    here = Here(
        root=tmp_path, environ={}, config={}, agent=agent, ci=ci,
        attended=attended, terminal=False, style=Style(),
    )  # fmt: skip
    assert inspect_runs.wait_limit_s(here, None) == limit_s
    assert inspect_runs.wait_limit_s(here, "2m") == 120
    assert inspect_runs.wait_limit_s(here, "0") == 0


def watching(project: Project, task: str, grace_s: float = 5) -> tuple[warm.Read, Live]:
    """Begin `test`, or a run and `wait`; return once the run's test is in flight."""
    if task == "wait":
        project.start()
    env = {"INVOKE_WALKAWAY_GRACE_S": str(grace_s), "PYTHONUNBUFFERED": "1"}
    process = project.popen(task, env=env)
    wait_for(project.records.ids, "the run")
    live = project.live()
    wait_for(lambda: live.events("s"), f"the test\n{live.described()}")
    return process, live


def end_of(process: warm.Read) -> tuple[str, str]:
    return process.communicate(timeout=60)


def test_ctrl_c_at_test_ends_the_run(project: Project) -> None:
    project.write("tests/test_it.py", SLEEPING)
    process, live = watching(project, "test")
    process.send_signal(signal.SIGINT)
    out, told = end_of(process)
    assert process.returncode == 130
    assert told == f"stopping {live.run.short}: Ctrl-C again to stop waiting\n"
    assert out.splitlines()[1].startswith(f"INTERRUPTED  {live.run.short}  ")
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("interrupted", 130)
    assert not proc_table.alive(*live.pytest())


def test_a_second_ctrl_c_at_test_leaves_the_end_to_the_supervisor(project: Project) -> None:
    stubborn = (
        "import signal, time\ndef test_long():\n    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "    open('deaf', 'w').close()\n    time.sleep(100)\n"
    )
    project.write("tests/test_it.py", stubborn)
    process, live = watching(project, "test", grace_s=2)
    wait_for((project.root / "deaf").exists, "the test")
    process.send_signal(signal.SIGINT)
    wait_for(lambda: live.journal("stop"), "the first to be heard")
    process.send_signal(signal.SIGINT)
    _, told = end_of(process)
    assert process.returncode == 130
    assert told.splitlines()[-1] == (
        f"{live.run.short} is still being stopped: inv progress --run {live.run.short}"
    )
    assert live.outcome()["outcome"] == "interrupted"


def test_ctrl_c_at_wait_leaves_the_run_alone(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    process, live = watching(project, "wait")
    attached(process.pid)
    process.send_signal(signal.SIGINT)
    _, told = end_of(process)
    assert process.returncode == 130
    assert told == f"{live.run.short} is still running: inv wait --run {live.run.short}\n"
    project.open_gate()
    assert live.outcome()["outcome"] == "passed"


def test_ctrl_c_at_test_leaves_alone_the_run_that_it_joined(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start()
    project.gate_reached(live)
    process = project.popen("test", env={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"already running  {live.run.short}  ")
    process.send_signal(signal.SIGINT)
    _, told = end_of(process)
    assert process.returncode == 130
    assert told == f"{live.run.short} is still running: inv wait --run {live.run.short}\n"
    project.open_gate()
    assert live.outcome()["outcome"] == "passed"


def test_ctrl_c_at_log_leaves_the_run_alone(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start()
    project.gate_reached(live)
    process = project.popen("log", "--follow", env={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    end_of(process)
    assert process.returncode == 130
    project.open_gate()
    assert live.outcome()["outcome"] == "passed"


def attached(pid: int) -> None:
    """Wait until a task sleeps between two looks: Ctrl-C during its imports is Invoke's."""
    states: list[str] = []

    def asleep() -> bool:
        proc = proc_table.read(pid)
        states.append(proc.state if proc else "S")
        return states[-20:] == ["S"] * 20

    wait_for(asleep, "the task to wait")


def test_a_wait_tells_failures_as_they_come(project: Project) -> None:
    project.write("tests/test_it.py", "def test_early(): assert 3 == 4\n" + GATED)
    process, live = watching(project, "wait")
    project.gate_reached(live)
    project.open_gate()
    out, _ = end_of(process)
    assert process.returncode == 1
    assert out.splitlines()[-1].startswith("next: inv failures --run ")


def test_a_wait_survives_the_record_being_deleted_and_restored(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    process, live = watching(project, "wait")
    attached(process.pid)
    subprocess.run(["rm", "-rf", str(live.folder)], check=True)
    wait_for(live.record.path("run.json").exists, "the record to be restored")
    project.open_gate()
    out, told = end_of(process)
    assert (process.returncode, told) == (0, "")
    assert out.splitlines()[0].startswith(f"PASSED  {live.run.short}  ")
