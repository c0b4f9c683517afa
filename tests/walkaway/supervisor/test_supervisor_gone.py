"""The supervisor dies: pytest goes on, its verdict counts, and a new supervisor can take over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

import pytest

import walkaway
from tests.walkaway.support.scratch import Live, Scratch, clean_environ, limits, xdist
from tests.walkaway.support.waiting import wait_for
from walkaway.process import file_lock, proc_table
from walkaway.runs import adopt as takeover
from walkaway.runs import judge

GATE = """
    import pathlib, time

    def test_first(): pass

    def test_gate():
        while not pathlib.Path("go").exists():
            time.sleep(0.01)

    def test_last(): assert {last}
"""
SUPERVISOR = Path(walkaway.__file__).parent / "supervisor"


def at_the_gate(
    scratch: Scratch, mode: str = "serial", last: int = 1, deadline_s: float = 120
) -> Live:
    scratch.write("test_a.py", GATE.format(last=last))
    live = scratch.start(*xdist(mode), limits=limits(deadline_s=deadline_s, grace_s=0.5))
    live.hold_until_in_flight(1)
    return live


def adopt(live: Live) -> None:
    """Start a supervisor that takes the run over, and wait until it has."""
    before = len(live.journal("supervisor"))
    with mock.patch.dict(os.environ, clean_environ(), clear=True), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork with threads, then exec alone
        assert takeover.adopt(live.record, live.run)
    wait_for(lambda: len(live.journal("supervisor")) > before, "the adoption")


def pytest_gone(live: Live) -> None:
    pid, ticks = live.pytest()
    wait_for(lambda: not proc_table.alive(pid, ticks), "pytest's end")
    path = str(live.record.path("pytest.lock"))
    wait_for(lambda: file_lock.probe(path) is file_lock.Hold.FREE, "pytest's lock to be free")


@pytest.mark.parametrize("mode", ["serial", "load"])
@pytest.mark.parametrize(("last", "word"), [(1, "passed"), (0, "failed")])
def test_a_killed_supervisor_leaves_pytests_own_verdict(
    scratch: Scratch, mode: str, last: int, word: str
) -> None:
    live = at_the_gate(scratch, mode, last)
    live.kill_supervisor()
    (scratch.root / "go").touch()
    pytest_gone(live)
    assert not live.record.path("outcome.json").exists()
    judged = judge.judge_for_reader(str(live.folder))
    assert (judged["outcome"], judged["code"]) == (word, 0 if last else 1)
    assert judged["supervised"] is False
    assert "last event" in judged["rests_on"]


def test_both_killed_leaves_no_outcome_and_is_vanished(scratch: Scratch) -> None:
    live = at_the_gate(scratch)
    live.kill_supervisor()
    assert proc_table.send(*live.pytest(), signal.SIGKILL)
    pytest_gone(live)
    assert not live.record.path("outcome.json").exists()
    judged = judge.judge_for_reader(str(live.folder))
    assert (judged["outcome"], judged["code"]) == ("vanished", 70)
    assert judged["counts"] == {"passed": 1}


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_an_adopted_run_ends_with_its_verdict_and_a_note(scratch: Scratch, mode: str) -> None:
    live = at_the_gate(scratch, mode)
    live.kill_supervisor()
    adopt(live)
    (scratch.root / "go").touch()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert outcome["supervised"] is False
    assert any("another one took over" in note for note in outcome["notes"])


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_the_deadline_holds_for_an_adopted_run(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", GATE.format(last=1))
    live = scratch.start(*xdist(mode), limits=limits(deadline_s=1, grace_s=0.5))
    with live.supervisor_held():
        live.wait_in_flight(1)
        live.kill_supervisor()
    adopt(live)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("timed-out", 124)
    assert "test_a.py::test_gate" in [stuck["id"] for stuck in outcome["stuck"]]


def test_of_many_adopters_one_wins(scratch: Scratch) -> None:
    live = at_the_gate(scratch)
    live.kill_supervisor()
    adopters = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), str(live.folder), "-1"],
            env=clean_environ(),
        )
        for _ in range(4)
    ]
    wait_for(lambda: sum(a.poll() is None for a in adopters) == 1, "three to give way")
    (scratch.root / "go").touch()
    assert live.outcome()["outcome"] == "passed"
    assert [adopter.wait(30) for adopter in adopters] == [0] * 4
    assert len(live.journal("supervisor")) == 2


def test_an_adopter_that_comes_when_pytest_is_gone_judges_by_the_record(scratch: Scratch) -> None:
    live = at_the_gate(scratch)
    live.kill_supervisor()
    (scratch.root / "go").touch()
    pytest_gone(live)
    adopt(live)
    assert live.outcome()["outcome"] == "passed"


def test_an_adopted_run_is_stopped_on_request_with_all_its_processes(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import subprocess, time

        def test_waiting():
            subprocess.Popen(["sleep", "872"], start_new_session=True)
            open("in", "w").close()
            time.sleep(600)
        """,
    )
    live = scratch.start(limits=limits(grace_s=30))
    wait_for((scratch.root / "in").exists, "the test")
    live.kill_supervisor()
    adopt(live)
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    assert [command for _, command in outcome["leftovers"]] == ["sleep 872"]


def test_a_supervisor_killed_at_any_moment_leaves_every_result(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import pytest, time

        @pytest.mark.parametrize("n", range(300))
        def test_n(n): time.sleep(0.002)
        """,
    )
    live = scratch.start()
    pid, ticks = live.pytest()
    live.kill_supervisor()
    wait_for(lambda: not proc_table.alive(pid, ticks), "pytest's end")
    assert live.events("end")[0]["c"] == {"passed": 300}
