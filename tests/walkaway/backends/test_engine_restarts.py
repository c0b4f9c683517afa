"""The engine goes away in mid-run and comes back: nothing is concluded meanwhile, nothing lost.

It goes three times, each time under many runs: killed, killed with live-restore, and stopped.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.walkaway.backends.away import (
    INVOKE,
    PATIENT,
    SERVICE,
    SILENT,
    UNKNOWN,
    Seen,
    all_at_gate,
    answers,
    concluded,
    on_second_engine,
    silence_heard,
)
from tests.walkaway.support.engine import docker
from tests.walkaway.support.second_engine import IMAGE, SecondEngine
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine restarts")]

LOOKS = (("progress",), ("progress", "--json"), ("wait", "--timeout", "0"))
ENDS = {"passed": "", "failed": "    assert 0\n", "no end": "    os._exit(0)\n"}
"""How the last test of runs goes on that end while the engine is away."""


@dataclass(frozen=True, slots=True)
class Bystander:
    """A container on the machine's own engine, and what tells one docker0 from another."""

    name: str
    bridge: str


def _bridge() -> str:
    path = Path("/sys/class/net/docker0/ifindex")
    return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def bystander() -> Iterator[Bystander]:
    """There before the second engine goes for the first time."""
    name = f"walkaway-ci-{uuid4().hex[:8]}"
    base = ("--network", "none", "python:3.11-slim", "sleep", "1000")
    docker("run", "-d", "--rm", "--init", "--name", name, *base)
    try:
        yield Bystander(name, _bridge())
    finally:
        docker("rm", "--force", name)


@pytest.fixture(scope="module")
def killed_with_live_restore(
    bystander: Bystander, second_engine: SecondEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """Seven projects, whose engine was killed and restored their containers."""
    assert bystander.name
    living = ("goes on", "stopped", "alone")
    names = (*living, *ENDS, "just made")
    folder = tmp_path_factory.mktemp("restored")
    with on_second_engine(second_engine, folder, *names, live_restore=True) as projects:
        for name, last in ENDS.items():
            projects[name].project.write("tests/test_it.py", PATIENT + last)
        lives = all_at_gate(projects, *living, *ENDS)
        made = projects["just made"]
        made.hold(" inspect --type container ")
        lives["just made"] = made.project.start()
        made.held()
        working = second_engine.at_work("walkaway_recorder")
        second_engine.kill()
        made.release()
        lives["alone"].kill_supervisor()
        for name in ENDS:
            projects[name].open_gate()
        share = (len(names) - len(ENDS)) / len(names)
        wait_for(
            lambda: second_engine.at_work("walkaway_recorder") == working * share,
            "the end of three containers",
        )
        said = answers(projects, [("alone", "progress", "--json")])
        for name in ("goes on", "stopped", "just made", "alone"):
            silence_heard(lives[name])
        said |= answers(projects, [*(("goes on", *words) for words in LOOKS), ("stopped", "stop")])
        assert not lives["stopped"].journal("signal")
        early = concluded(lives)
        second_engine.start()
        for name in ("goes on", "alone", "just made"):
            projects[name].open_gate()
        for live in lives.values():
            live.outcome()
        yield Seen(projects, lives, said, early)


@pytest.fixture(scope="module")
def killed(
    bystander: Bystander, second_engine: SecondEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """Three projects, whose engine was killed and ended their containers when it came back."""
    assert bystander.name
    folder = tmp_path_factory.mktemp("killed")
    names = ("ended", "not made", "no services")
    with on_second_engine(second_engine, folder, *names, live_restore=False) as projects:
        lives = all_at_gate(projects, "ended")
        lone = projects["no services"].project
        lone.write("invoke.yaml", INVOKE.replace("without_services: [.], ", ""))
        text = (lone.root / "docker-compose.yml").read_text(encoding="utf-8")
        lone.write("docker-compose.yml", text + SERVICE.format(image=IMAGE))
        projects["no services"].hold(" up ")
        projects["not made"].hold(" run -d ")
        for name in ("no services", "not made"):
            lives[name] = projects[name].project.start()
        for name in ("no services", "not made"):
            projects[name].held()
        second_engine.kill()
        for name in ("no services", "not made"):
            projects[name].release()
        for name in ("ended", "not made"):
            silence_heard(lives[name])
        asked = [*(("ended", *words) for words in LOOKS), ("not made", "progress")]
        said = answers(projects, asked)
        early = concluded(lives)
        second_engine.start()
        for live in lives.values():
            live.outcome()
        yield Seen(projects, lives, said, early)


@pytest.fixture(scope="module")
def stopped(
    bystander: Bystander, second_engine: SecondEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """Two projects, whose engine was stopped with its containers."""
    assert bystander.name
    folder = tmp_path_factory.mktemp("stopped")
    names = ("interrupted", "alone")
    with on_second_engine(second_engine, folder, *names, live_restore=False) as projects:
        lives = all_at_gate(projects, *names)
        lives["alone"].kill_supervisor()
        second_engine.stop()
        said = answers(projects, [("alone", word) for word in ("progress", "wait", "stop")])
        silence_heard(lives["interrupted"])
        said |= answers(projects, [("interrupted", "progress")])
        early = concluded(lives)
        second_engine.start()
        said |= answers(projects, [("alone", "wait", "--timeout", "60")])
        for live in lives.values():
            live.outcome()
        yield Seen(projects, lives, said, early)


@pytest.mark.parametrize(
    ("how", "name", "outcome", "ends"),
    [
        ("killed", "ended", "interrupted", (2, 1)),
        ("killed_with_live_restore", "goes on", "passed", (0, 2)),
    ],
    ids=["plain", "live-restore"],
)
def test_a_killed_engine_says_the_verdict_when_it_is_back(
    request: pytest.FixtureRequest, how: str, name: str, outcome: str, ends: tuple[int, int]
) -> None:
    """Without live-restore it ends its containers when it comes back, by their stop signal."""
    seen: Seen = request.getfixturevalue(how)
    look, data, waited = (seen.answers[name, *words] for words in LOOKS)
    assert look.returncode == 0
    assert look.stdout.startswith(f"RUNNING  {seen.lives[name].run.short}  in Compose")
    assert re.search(SILENT, look.stdout), look.stdout
    assert json.loads(data.stdout)["status"] == "running"
    assert waited.returncode == 75
    assert re.search(SILENT, waited.stdout), waited.stdout
    assert name not in seen.concluded
    found = seen.outcome(name)
    assert (found["outcome"], found["supervised"]) == (outcome, True)
    assert (found["code"], found["reported"]) == ends


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [("passed", "passed", 0), ("failed", "failed", 1), ("no end", "vanished", 70)],
)
def test_what_ended_while_the_engine_was_away_is_told_by_the_recorder(
    killed_with_live_restore: Seen, name: str, outcome: str, code: int
) -> None:
    """The engine saw no exit code, and says 255."""
    found = killed_with_live_restore.outcome(name)
    assert (found["outcome"], found["code"]) == (outcome, code), found["rests_on"]
    assert any("no exit code" in note for note in found["notes"]), found["notes"]


def test_an_engine_that_is_stopped_interrupts_its_runs(stopped: Seen) -> None:
    assert re.search(SILENT, stopped.answers["interrupted", "progress"].stdout)
    found = stopped.outcome("interrupted")
    assert (found["outcome"], found["code"], found["reported"]) == ("interrupted", 2, 1)


def test_with_engine_and_supervisor_gone_nothing_is_concluded(stopped: Seen) -> None:
    for word, code in (("progress", 0), ("wait", 66), ("stop", 66)):
        answer = stopped.answers["alone", word]
        assert answer.returncode == code, answer
        assert re.search(UNKNOWN, answer.stdout), answer.stdout
    assert "alone" not in stopped.concluded
    waited = stopped.answers["alone", "wait", "--timeout", "60"]
    assert waited.returncode == 2
    assert waited.stdout.startswith("INTERRUPTED"), waited.stdout
    assert stopped.outcome("alone")["supervised"] is False


def test_a_run_that_lives_without_engine_and_supervisor_is_adopted(
    killed_with_live_restore: Seen,
) -> None:
    look = json.loads(killed_with_live_restore.answers["alone", "progress", "--json"].stdout)
    assert (look["status"], look["adopted_now"]) == ("running", True)
    found = killed_with_live_restore.outcome("alone")
    assert (found["outcome"], found["code"], found["supervised"]) == ("passed", 0, False)


def test_an_engine_that_goes_while_services_start_is_not_startable(killed: Seen) -> None:
    found = killed.outcome("no services")
    assert (found["outcome"], found["code"]) == ("not-started", 69)
    assert "engine does not answer" in found["rests_on"], found["rests_on"]


def test_whether_a_container_was_started_is_for_the_engine_to_say(killed: Seen) -> None:
    """A `run -d` without an answer may have started it all the same."""
    look = killed.answers["not made", "progress"]
    assert look.stdout.startswith(f"PREPARING  {killed.lives['not made'].run.short}")
    assert re.search(SILENT, look.stdout), look.stdout
    assert "not made" not in killed.concluded
    found = killed.outcome("not made")
    assert (found["outcome"], found["code"]) == ("not-started", 69)
    assert found["rests_on"] == "the container was never started"


def test_an_engine_that_goes_right_after_the_container_came_loses_no_verdict(
    killed_with_live_restore: Seen,
) -> None:
    assert killed_with_live_restore.outcome("just made")["outcome"] == "passed"


def test_a_stop_while_the_engine_is_away_is_done_when_it_is_back(
    killed_with_live_restore: Seen,
) -> None:
    stopped = killed_with_live_restore.answers["stopped", "stop"]
    assert stopped.returncode == 75
    assert re.search(SILENT, stopped.stdout), stopped.stdout
    assert "to be ended once it answers: stop requested by inv stop" in stopped.stdout
    found = killed_with_live_restore.outcome("stopped")
    assert (found["outcome"], found["code"], found["pytest_exit"]) == ("stopped", 2, 2)
    live = killed_with_live_restore.lives["stopped"]
    assert [event["sig"] for event in live.journal("signal")] == ["SIGINT"]


def test_the_machines_own_engine_is_left_alone(
    bystander: Bystander, killed: Seen, stopped: Seen, second_engine: SecondEngine
) -> None:
    assert killed.lives
    assert stopped.lives
    assert docker("inspect", "-f", "{{.State.Running}}", bystander.name).stdout.strip() == "true"
    assert bystander.name not in second_engine.docker("ps", "-a").stdout
    assert _bridge() == bystander.bridge
