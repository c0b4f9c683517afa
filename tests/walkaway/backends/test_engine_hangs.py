"""The engine hangs in mid-run: it takes connections and answers nothing. Nobody waits for ever."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.backends.away import (
    SILENT,
    UNKNOWN,
    Away,
    silence_heard,
)
from tests.walkaway.support.project import GATED
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine


@pytest.fixture
def hung(away: Away) -> Iterator[Away]:
    """Afterwards the engine goes on."""
    try:
        yield away
    finally:
        away.engine.thaw()


def test_a_live_run_says_that_its_engine_hangs_and_goes_on_with_it(hung: Away) -> None:
    live = hung.at_gate()
    hung.engine.freeze()
    silence_heard(live)
    look = hung.project.inv("progress")
    assert look.returncode == 0
    assert look.stdout.startswith(f"RUNNING  {live.run.short}  in Compose")
    assert re.search(SILENT, look.stdout), look.stdout
    waited = hung.project.inv("wait", "--timeout", "0")
    assert waited.returncode == 75
    assert re.search(SILENT, waited.stdout), waited.stdout
    hung.engine.thaw()
    wait_for(lambda: live.journal("engine")[-1]["answers"], "the engine to be heard again")
    assert "does not answer" not in hung.project.inv("progress").stdout
    hung.open_gate()
    found = live.outcome()
    assert (found["outcome"], found["code"], found["notes"]) == ("passed", 0, [])


@pytest.mark.parametrize(
    ("last", "outcome", "code"),
    [
        ("", "passed", 0),
        ("    assert 0\n", "failed", 1),
        ("    os._exit(0)\n", "crashed", 65),
        ("    os._exit(255)\n", "crashed", 65),
    ],
    ids=["passed", "failed", "no end", "255"],
)
def test_what_ended_while_the_engine_hung_has_its_exit_code(
    hung: Away, last: str, outcome: str, code: int
) -> None:
    """Its containerd saw the end and tells the engine when that goes on."""
    hung.project.write("tests/test_it.py", GATED + last)
    live = hung.at_gate()
    hung.engine.freeze()
    hung.open_gate()
    wait_for(lambda: not hung.engine.at_work("walkaway_recorder"), "the container's end")
    assert not live.record.path("outcome.json").exists()
    hung.engine.thaw()
    found = live.outcome()
    assert (found["outcome"], found["code"]) == (outcome, code), found["rests_on"]
    assert found["pytest_exit"] is not None


@pytest.mark.parametrize("noticed", [True, False])
def test_a_stop_while_the_engine_hangs_is_done_when_it_goes_on(
    hung: Away, *, noticed: bool
) -> None:
    live = hung.at_gate()
    hung.engine.freeze()
    if noticed:
        silence_heard(live)
    stopped = hung.project.inv("stop")
    assert stopped.returncode == 75
    assert re.search(SILENT, stopped.stdout), stopped.stdout
    assert "to be ended once it answers: stop requested by inv stop" in stopped.stdout
    hung.engine.thaw()
    found = live.outcome()
    assert (found["outcome"], found["code"], found["pytest_exit"]) == ("stopped", 2, 2)
    assert [event["sig"] for event in live.journal("signal")] == ["SIGINT"]


def test_every_task_that_needs_the_engine_says_that_it_hangs(hung: Away) -> None:
    hung.engine.freeze()
    tasks = ("test-async", "test", "build", "up", "down", "health", "service-logs", "doctor", "ci")
    asked = {name: hung.project.popen(name) for name in tasks}
    for name, process in asked.items():
        out, err = process.communicate(timeout=100)
        assert "does not answer" in out + err, (name, out, err)
        assert process.returncode == 69, (name, out, err)
    assert not hung.project.records.ids()


def test_a_hung_engine_and_no_supervisor_leave_it_open(hung: Away) -> None:
    live = hung.at_gate()
    live.kill_supervisor()
    # Without pytest's lock nothing but the engine tells that it lives.
    live.record.path("pytest.lock").rename(live.record.path("hidden"))
    hung.engine.freeze()
    for words, code in ((("progress",), 0), (("wait",), 66), (("stop",), 66), (("runs",), 0)):
        answer = hung.project.inv(*words)
        assert answer.returncode == code, (words, answer.stdout, answer.stderr)
        if words != ("runs",):
            assert re.search(UNKNOWN, answer.stdout), answer.stdout
    assert not live.record.path("outcome.json").exists()
    hung.engine.thaw()
    live.record.path("hidden").rename(live.record.path("pytest.lock"))
    hung.open_gate()
    assert hung.project.inv("wait").returncode == 0
    assert live.outcome()["outcome"] == "passed"


def test_an_engine_that_hangs_while_the_container_is_made_makes_it_later(hung: Away) -> None:
    hung.hold(" run -d ")
    live = hung.project.start()
    hung.held()
    hung.engine.freeze()
    hung.release()
    silence_heard(live)
    look = hung.project.inv("progress")
    assert look.stdout.startswith(f"PREPARING  {live.run.short}")
    assert re.search(SILENT, look.stdout), look.stdout
    hung.engine.thaw()
    hung.open_gate()
    assert live.outcome()["outcome"] == "passed"
