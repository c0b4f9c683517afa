"""The engine hangs in mid-run: it takes connections and answers nothing. Nobody waits for ever.

It takes a quarter of a minute until a silence is noticed, so the engine hangs once, for all runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.backends.away import (
    PATIENT,
    SILENT,
    UNKNOWN,
    Away,
    Seen,
    all_at_gate,
    answers,
    concluded,
    on_second_engine,
    silence_heard,
)
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.walkaway.support.second_engine import SecondEngine

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine hangs")]

ENDS = {
    "passed": "",
    "failed": "    assert 0\n",
    "no end": "    os._exit(0)\n",
    "255": "    os._exit(255)\n",
}
"""How the last test of runs goes on that end while the engine hangs."""
LIVING = ("goes on", "stopped", "stopped at once", "alone")
TASKS = ("test-async", "test", "build", "up", "down", "health", "service-logs", "doctor", "ci")
ALONE = (("progress", 0), ("wait", 66), ("stop", 66), ("runs", 0))


@pytest.fixture(scope="module")
def hung(second_engine: SecondEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Six projects, whose engine hung until that was noticed, and went on."""
    names = (*LIVING, "made later", "idle")
    folder = tmp_path_factory.mktemp("hung")
    with on_second_engine(second_engine, folder, *names) as projects:
        try:
            yield _hang(second_engine, projects)
        finally:
            second_engine.thaw()


def _hang(engine: SecondEngine, projects: Mapping[str, Away]) -> Seen:
    lives = all_at_gate(projects, *LIVING)
    later = projects["made later"]
    later.hold(" run -d ")
    lives["made later"] = later.project.start()
    later.held()
    alone = lives["alone"].record
    lives["alone"].kill_supervisor()
    # Without pytest's lock nothing but the engine tells that it lives.
    alone.path("pytest.lock").rename(alone.path("hidden"))
    engine.freeze()
    later.release()
    said = answers(
        projects,
        [
            ("stopped at once", "stop"),
            *(("idle", name) for name in TASKS),
            *(("alone", word) for word, _ in ALONE),
        ],
    )
    for name in ("goes on", "stopped", "made later"):
        silence_heard(lives[name])
    said |= answers(
        projects,
        [
            ("goes on", "progress"),
            ("goes on", "wait", "--timeout", "0"),
            ("stopped", "stop"),
            ("made later", "progress"),
        ],
    )
    early = concluded(lives)
    engine.thaw()
    wait_for(
        lambda: lives["goes on"].journal("engine")[-1]["answers"], "the engine to be heard again"
    )
    said["goes on", "progress", "afterwards"] = projects["goes on"].project.inv("progress")
    alone.path("hidden").rename(alone.path("pytest.lock"))
    for name in ("goes on", "alone", "made later"):
        projects[name].open_gate()
    said["alone", "wait", "afterwards"] = projects["alone"].project.inv("wait")
    for live in lives.values():
        live.outcome()
    return Seen(projects, lives, said, early)


@pytest.fixture(scope="module")
def hung_shortly(
    second_engine: SecondEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """Four projects, whose runs ended while their engine hung."""
    with on_second_engine(second_engine, tmp_path_factory.mktemp("short"), *ENDS) as projects:
        try:
            for name, last in ENDS.items():
                projects[name].project.write("tests/test_it.py", PATIENT + last)
            lives = all_at_gate(projects, *ENDS)
            second_engine.freeze()
            for name in ENDS:
                projects[name].open_gate()
            wait_for(lambda: not second_engine.at_work("walkaway_recorder"), "the containers' ends")
            early = concluded(lives)
            second_engine.thaw()
            for live in lives.values():
                live.outcome()
            yield Seen(projects, lives, {}, early)
        finally:
            second_engine.thaw()


def test_a_live_run_says_that_its_engine_hangs_and_goes_on_with_it(hung: Seen) -> None:
    look = hung.answers["goes on", "progress"]
    assert look.returncode == 0
    assert look.stdout.startswith(f"RUNNING  {hung.lives['goes on'].run.short}  in Compose")
    assert re.search(SILENT, look.stdout), look.stdout
    waited = hung.answers["goes on", "wait", "--timeout", "0"]
    assert waited.returncode == 75
    assert re.search(SILENT, waited.stdout), waited.stdout
    assert "does not answer" not in hung.answers["goes on", "progress", "afterwards"].stdout
    found = hung.outcome("goes on")
    assert (found["outcome"], found["code"], found["notes"]) == ("passed", 0, [])


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [("passed", "passed", 0), ("failed", "failed", 1), ("no end", "crashed", 65),
     ("255", "crashed", 65)],
)  # fmt: skip
def test_what_ended_while_the_engine_hung_has_its_exit_code(
    hung_shortly: Seen, name: str, outcome: str, code: int
) -> None:
    """Its containerd saw the end and tells the engine when that goes on."""
    assert name not in hung_shortly.concluded
    found = hung_shortly.outcome(name)
    assert (found["outcome"], found["code"]) == (outcome, code), found["rests_on"]
    assert found["pytest_exit"] is not None


@pytest.mark.parametrize("name", ["stopped", "stopped at once"])
def test_a_stop_while_the_engine_hangs_is_done_when_it_goes_on(hung: Seen, name: str) -> None:
    stopped = hung.answers[name, "stop"]
    assert stopped.returncode == 75
    assert re.search(SILENT, stopped.stdout), stopped.stdout
    assert "to be ended once it answers: stop requested by inv stop" in stopped.stdout
    found = hung.outcome(name)
    assert (found["outcome"], found["code"], found["pytest_exit"]) == ("stopped", 2, 2)
    assert [event["sig"] for event in hung.lives[name].journal("signal")] == ["SIGINT"]


def test_every_task_that_needs_the_engine_says_that_it_hangs(hung: Seen) -> None:
    for name in TASKS:
        answer = hung.answers["idle", name]
        assert "does not answer" in answer.stdout + answer.stderr, answer
        assert answer.returncode == 69, answer
    assert not hung.projects["idle"].project.records.ids()


def test_a_hung_engine_and_no_supervisor_leave_it_open(hung: Seen) -> None:
    for word, code in ALONE:
        answer = hung.answers["alone", word]
        assert answer.returncode == code, answer
        if word != "runs":
            assert re.search(UNKNOWN, answer.stdout), answer.stdout
    assert "alone" not in hung.concluded
    assert hung.answers["alone", "wait", "afterwards"].returncode == 0
    assert hung.outcome("alone")["outcome"] == "passed"


def test_an_engine_that_hangs_while_the_container_is_made_makes_it_later(hung: Seen) -> None:
    look = hung.answers["made later", "progress"]
    assert look.stdout.startswith(f"PREPARING  {hung.lives['made later'].run.short}")
    assert re.search(SILENT, look.stdout), look.stdout
    assert hung.outcome("made later")["outcome"] == "passed"
