"""Which run is meant without --run: that of the same agent, terminal or shell."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, Self

from tests.walkaway.support.project import GATED, INV, Project
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from tests.walkaway.support.scratch import Live

ONE, TWO, THREE = ({"WALKAWAY_ORIGIN": name} for name in ("one", "two", "three"))


def meant(project: Project, env: dict[str, str] | None = None) -> str:
    found: str = project.json("progress", env=env)["run"]["id"]
    return found


def test_two_sessions_of_agents_each_mean_their_own_run(project: Project) -> None:
    one, two = ({"CLAUDE_CODE_SESSION_ID": name, "AI_AGENT": "x"} for name in ("one", "two"))
    first = project.ended(env=one)
    second = project.ended(env=two)
    assert meant(project, one) == first.run.id
    assert meant(project, two) == second.run.id
    assert first.run.origin.kind == "agent"
    newer = project.ended(env=one)
    assert meant(project, one) == newer.run.id


def of_one(project: Project, finished: Live) -> Live:
    """Return a finished run of the first in the project."""
    origin = {"kind": finished.run.origin.kind, "key": "WALKAWAY_ORIGIN=one"}
    return project.inherit(finished, origin=origin)


def test_a_stranger_means_the_only_live_run_else_the_newest(
    project: Project, finished: Live
) -> None:
    first = of_one(project, finished)
    assert meant(project, ONE) == first.run.id
    second = project.ended(env=TWO)
    assert meant(project, THREE) == second.run.id
    project.write("tests/test_it.py", GATED)
    live = project.start(env=ONE)
    project.gate_reached(live)
    assert meant(project, THREE) == live.run.id
    assert meant(project, TWO) == second.run.id
    project.open_gate()
    live.outcome()
    assert first.run.id < second.run.id


def test_a_stranger_to_several_live_runs_is_told_to_name_one(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    first = project.start(env=ONE)
    second = project.start("--", "-v", env=TWO)
    for task in ("progress", "wait", "failures", "stop", "log"):
        answer = project.inv(task, env=THREE)
        assert answer.returncode == 64
        named = f"{second.run.short} (-v), {first.run.short} (all tests)"
        first_line = f"2 runs are live and none is yours: {named}."
        assert answer.stderr.splitlines() == [first_line, "Name one with --run."]
    assert meant(project, TWO) == second.run.id
    told = project.inv("progress", "--run", first.run.short, env=THREE)
    assert told.stdout.split()[1] == first.run.short
    project.open_gate()
    first.outcome()
    second.outcome()


def test_nobody_stops_the_run_of_another_by_leaving_its_name_out(
    project: Project, finished: Live
) -> None:
    of_one(project, finished)
    project.write("tests/test_it.py", GATED)
    other = project.start(env=TWO)
    project.gate_reached(other)
    assert "nothing was stopped" in project.inv("stop", env=ONE).stdout
    project.open_gate()
    assert other.outcome()["outcome"] == "passed"


AGENT = """\
import subprocess, sys
for line in sys.stdin:
    told = subprocess.run(["bash", "-c", line.strip()], capture_output=True, encoding="utf-8")
    print(told.stdout.splitlines()[0] if told.stdout else told.stderr, flush=True)
"""


class Agent:
    """A process that runs each command in a shell of its own, as agents do."""

    def __init__(self, project: Project) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-c", AGENT),
            cwd=project.root,
            env=project.env({"AI_AGENT": "x"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def run(self, task: str, before: str = "") -> str:
        """Run one task and return the short id in its first line."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{before} {INV[0]} -m invoke {task}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()[1]


def test_the_shells_of_one_agent_are_one_origin_and_two_agents_are_two(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    with Agent(project) as one, Agent(project) as two:
        first = one.run("test-async")
        second = two.run("test-async -- -v", before="timeout 60 env X=1")
        assert one.run("progress", before="nice") == first
        assert two.run("progress") == second
        assert one.run("progress", before="exec") == first
    project.open_gate()
    assert first != second


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, project: Project) -> None:
        self.leader, follower = os.openpty()

        def control() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            ("sh",),
            cwd=project.root,
            env=project.env({"PS1": "", "TERM": "dumb"}),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            preexec_fn=control,  # noqa: PLW1509 - there is one thread
        )
        os.close(follower)
        os.set_blocking(self.leader, False)
        self.shown = ""
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.leader)

    def run(self, task: str) -> str:
        """Run one task and return what the terminal shows of it."""
        self.count += 1
        begin = len(self.shown)
        line = f"{INV[0]} -m invoke {task}; echo 'ended'-{self.count}\n"
        os.write(self.leader, line.encode())
        wait_for(lambda: f"\nended-{self.count}" in self._read()[begin:], f"{task}\n{self.shown}")
        return self.shown[begin:]

    def _read(self) -> str:
        with contextlib.suppress(BlockingIOError):
            self.shown += os.read(self.leader, 65536).decode().replace("\r", "")
        return self.shown


def test_each_terminal_means_its_own_run(project: Project) -> None:
    with Terminal(project) as one, Terminal(project) as two:
        one.run("test-async")
        first = project.live()
        first.outcome()
        two.run("test-async")
        second = project.live()
        second.outcome()
        assert first.run.id != second.run.id
        assert f"PASSED  {first.run.short}" in one.run("progress")
        assert f"PASSED  {second.run.short}" in two.run("wait")
        assert kinds(first, second) == {"terminal"}


def kinds(*runs: Live) -> set[str]:
    return {live.run.origin.kind for live in runs}


def test_a_closed_terminal_does_not_end_its_run(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    with Terminal(project) as terminal:
        terminal.run("test-async")
    live = project.live()
    project.gate_reached(live)
    project.open_gate()
    assert live.outcome()["outcome"] == "passed"


NESTED = """\
import subprocess, sys
def test_starts_another():
    words = [sys.executable, "-m", "invoke", "test-async", "--", "other.py"]
    subprocess.run(words, check=True)
    open("begun", "w").close()
"""
INNER = "import time\ndef test_inner():\n    time.sleep(100)\n"


def test_a_run_started_inside_a_run_belongs_to_it_and_ends_with_it(project: Project) -> None:
    project.write("tests/test_it.py", NESTED)
    project.write("other.py", INNER)
    outer = project.start("--", "tests/test_it.py")
    wait_for((project.root / "begun").exists, f"the inner run\n{outer.described()}")
    inner = project.live()
    assert inner.run.id != outer.run.id
    assert inner.run.parent == str(outer.folder)
    assert inner.run.origin.kind == "run"
    assert outer.outcome()["outcome"] == "passed"
    assert inner.outcome()["outcome"] == "stopped"
    assert meant(project) == outer.run.id, "the inner run is of another origin"
