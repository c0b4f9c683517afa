"""The engine goes away in mid-run and comes back: nothing is concluded meanwhile, nothing lost."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest

from tests.walkaway.backends.away import (
    INVOKE,
    SERVICE,
    SILENT,
    UNKNOWN,
    Away,
    silence_heard,
)
from tests.walkaway.support.engine import docker
from tests.walkaway.support.project import GATED
from tests.walkaway.support.second_engine import IMAGE, SecondEngine
from tests.walkaway.support.waiting import wait_for

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("live_restore", "outcome", "code"),
    [(False, "interrupted", 2), (True, "passed", 0)],
    ids=["plain", "live-restore"],
)
def test_a_killed_engine_says_the_verdict_when_it_is_back(
    away: Away, *, live_restore: bool, outcome: str, code: int
) -> None:
    away.engine.ready(live_restore=live_restore)
    live = away.at_gate()
    away.engine.kill()
    silence_heard(live)
    look = away.project.inv("progress")
    assert look.returncode == 0
    assert look.stdout.startswith(f"RUNNING  {live.run.short}  in Compose")
    assert re.search(SILENT, look.stdout), look.stdout
    assert away.project.json("progress")["status"] == "running"
    waited = away.project.inv("wait", "--timeout", "0")
    assert waited.returncode == 75
    assert re.search(SILENT, waited.stdout), waited.stdout
    assert not live.record.path("outcome.json").exists()
    away.engine.start()  # without live-restore it ends its containers now, by their stop signal
    if live_restore:
        away.open_gate()
    found = live.outcome()
    assert (found["outcome"], found["code"], found["supervised"]) == (outcome, code, True)
    assert found["reported"] == (2 if live_restore else 1)


@pytest.mark.parametrize(
    ("last", "outcome", "code"),
    [("", "passed", 0), ("    assert 0\n", "failed", 1), (None, "vanished", 70)],
    ids=["passed", "failed", "no end"],
)
def test_what_ended_while_the_engine_was_away_is_told_by_the_recorder(
    away: Away, last: str | None, outcome: str, code: int
) -> None:
    """The engine saw no exit code, and says 255."""
    ends = "    os._exit(0)\n" if last is None else last
    away.project.write("tests/test_it.py", GATED + ends)
    live = away.at_gate()
    away.engine.kill()
    away.open_gate()
    wait_for(lambda: not away.engine.at_work("walkaway_recorder"), "the container's end")
    away.engine.start()
    found = live.outcome()
    assert (found["outcome"], found["code"]) == (outcome, code), found["rests_on"]
    assert any("no exit code" in note for note in found["notes"]), found["notes"]


def test_an_engine_that_is_stopped_interrupts_its_runs(away: Away) -> None:
    away.engine.ready(live_restore=False)
    live = away.at_gate()
    away.engine.stop()
    silence_heard(live)
    assert re.search(SILENT, away.project.inv("progress").stdout)
    away.engine.start()
    found = live.outcome()
    assert (found["outcome"], found["code"], found["reported"]) == ("interrupted", 2, 1)


def test_with_engine_and_supervisor_gone_nothing_is_concluded(away: Away) -> None:
    away.engine.ready(live_restore=False)
    live = away.at_gate()
    live.kill_supervisor()
    away.engine.stop()
    look = away.project.inv("progress")
    assert look.returncode == 0
    assert re.search(UNKNOWN, look.stdout), look.stdout
    for word in ("wait", "stop"):
        answer = away.project.inv(word)
        assert answer.returncode == 66
        assert re.search(UNKNOWN, answer.stdout), answer.stdout
    assert not live.record.path("outcome.json").exists()
    away.engine.start()
    waited = away.project.inv("wait")
    assert waited.returncode == 2
    assert waited.stdout.startswith("INTERRUPTED"), waited.stdout
    assert live.outcome()["supervised"] is False


def test_a_run_that_lives_without_engine_and_supervisor_is_adopted(away: Away) -> None:
    away.engine.ready(live_restore=True)
    live = away.at_gate()
    away.engine.kill()
    live.kill_supervisor()
    look = away.project.json("progress")
    assert (look["status"], look["adopted_now"]) == ("running", True)
    silence_heard(live)
    away.engine.start()
    away.open_gate()
    found = live.outcome()
    assert (found["outcome"], found["code"], found["supervised"]) == ("passed", 0, False)


def test_an_engine_that_goes_while_services_start_is_not_startable(away: Away) -> None:
    away.project.write("invoke.yaml", INVOKE.replace("without_services: [.], ", ""))
    text = (away.project.root / "docker-compose.yml").read_text(encoding="utf-8")
    away.project.write("docker-compose.yml", text + SERVICE.format(image=IMAGE))
    away.hold(" up ")
    live = away.project.start()
    away.held()
    away.engine.kill()
    away.release()
    found = live.outcome()
    assert (found["outcome"], found["code"]) == ("not-started", 69)
    assert "engine does not answer" in found["rests_on"], found["rests_on"]


def test_whether_a_container_was_started_is_for_the_engine_to_say(away: Away) -> None:
    """A `run -d` without an answer may have started it all the same."""
    away.hold(" run -d ")
    live = away.project.start()
    away.held()
    away.engine.kill()
    away.release()
    silence_heard(live)
    look = away.project.inv("progress")
    assert look.stdout.startswith(f"PREPARING  {live.run.short}")
    assert re.search(SILENT, look.stdout), look.stdout
    assert not live.record.path("outcome.json").exists()
    away.engine.start()
    found = live.outcome()
    assert (found["outcome"], found["code"]) == ("not-started", 69)
    assert found["rests_on"] == "the container was never started"


def test_an_engine_that_goes_right_after_the_container_came_loses_no_verdict(away: Away) -> None:
    away.engine.ready(live_restore=True)
    away.hold(" inspect --type container ")
    live = away.project.start()
    away.held()
    away.engine.kill()
    away.release()
    silence_heard(live)
    away.engine.start()
    away.open_gate()
    assert live.outcome()["outcome"] == "passed"


def test_a_stop_while_the_engine_is_away_is_done_when_it_is_back(away: Away) -> None:
    away.engine.ready(live_restore=True)
    live = away.at_gate()
    away.engine.kill()
    silence_heard(live)
    stopped = away.project.inv("stop")
    assert stopped.returncode == 75
    assert re.search(SILENT, stopped.stdout), stopped.stdout
    assert "to be ended once it answers: stop requested by inv stop" in stopped.stdout
    assert not live.journal("signal")
    away.engine.start()
    found = live.outcome()
    assert (found["outcome"], found["code"], found["pytest_exit"]) == ("stopped", 2, 2)
    assert [event["sig"] for event in live.journal("signal")] == ["SIGINT"]


def test_the_machines_own_engine_is_left_alone(second_engine: SecondEngine) -> None:
    bridge = Path("/sys/class/net/docker0/ifindex")
    before = bridge.read_text() if bridge.exists() else ""
    name = f"walkaway-ci-{uuid4().hex[:8]}"
    base = ("--network", "none", "python:3.11-slim", "sleep", "100")
    docker("run", "-d", "--rm", "--init", "--name", name, *base)
    try:
        second_engine.ready()
        second_engine.kill()
        second_engine.start()
        second_engine.stop()
        second_engine.start()
        assert docker("inspect", "-f", "{{.State.Running}}", name).stdout.strip() == "true"
        assert name not in second_engine.docker("ps", "-a").stdout
        assert (bridge.read_text() if bridge.exists() else "") == before
    finally:
        docker("rm", "--force", name)
