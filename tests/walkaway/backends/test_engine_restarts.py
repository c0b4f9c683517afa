"""The engine goes away in mid-run and comes back: nothing is concluded meanwhile, nothing lost."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.walkaway.support.engine import docker
from tests.walkaway.support.project import GATED, Project, made, tidied
from tests.walkaway.support.second_engine import IMAGE, SecondEngine, second_engine
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.walkaway.support.scratch import Live

__all__ = ["second_engine"]

pytestmark = pytest.mark.engine

COMPOSE = """
services:
  test:
    image: {image}
    init: true
    network_mode: none
    stop_signal: SIGINT
    user: "${{WALKAWAY_UID:-1000}}:${{WALKAWAY_GID:-1000}}"
    working_dir: /app
    environment: {{ HOME: /tmp, PYTHONPATH: /packages, GATE: tests/gate }}
    volumes:
      - ./tests:/app/tests
      - ./pytest.ini:/app/pytest.ini:ro
      - {packages}:/packages:ro
"""
SERVICE = """\
    depends_on: [db]
  db:
    image: {image}
    init: true
    network_mode: none
    command: [sleep, "100"]
"""
INVOKE = "walkaway: {backend: compose, without_services: [.], pytest: [python3, -m, pytest]}\n"
SILENT = r"the Docker engine does not answer: nothing is concluded; the last event is \S+ m?s old"
UNKNOWN = r"cannot tell from here: the Docker engine does not answer; the last event is \d+ s old"
HELD = """\
#!/bin/sh
case " $* " in *"{words}"*)
    touch "{root}/held"
    until [ -e "{root}/release" ] || [ ! -e "{root}" ]; do sleep 0.02; done
esac
exec "{docker}" "$@"
"""


@dataclass(slots=True)
class Away:
    """A project in Compose on the second engine; its second test waits for the file tests/gate."""

    project: Project
    engine: SecondEngine

    def at_gate(self) -> Live:
        live = self.project.start()
        self.project.gate_reached(live)
        return live

    def open_gate(self) -> None:
        self.project.write("tests/gate", "")

    def hold(self, words: str) -> None:
        """Have the docker command wait before a call with these words until `release`."""
        folder = self.project.root.with_name("bin")
        folder.mkdir()
        found = shutil.which("docker")
        text = HELD.format(words=words, root=self.project.root, docker=found)
        (folder / "docker").write_text(text, encoding="utf-8")
        (folder / "docker").chmod(0o755)
        self.project.environ["PATH"] = f"{folder}:{self.project.env()['PATH']}"

    def held(self) -> None:
        wait_for((self.project.root / "held").exists, "the docker command to be held")

    def release(self) -> None:
        self.project.write("release", "")


@pytest.fixture
def away(tmp_path: Path, second_engine: SecondEngine) -> Iterator[Away]:
    """Afterwards the engine runs, and has nothing left of the project."""
    second_engine.ready()
    project = made(tmp_path / "project", GATED)
    text = COMPOSE.format(image=IMAGE, packages=second_engine.packages)
    project.write("docker-compose.yml", text)
    project.write("invoke.yaml", INVOKE)
    project.environ.update(second_engine.environ)
    with tidied(project):
        try:
            yield Away(project, second_engine)
        finally:
            second_engine.ready()
            left = second_engine.docker("ps", "-aq").stdout.split()
            if left:
                second_engine.docker("rm", "--force", *left, check=False)
    assert not left


def silence_heard(live: Live) -> None:
    wait_for(lambda: [e for e in live.journal("engine") if not e["answers"]], "silence")


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
    assert "to be ended once it answers: stop asked by inv stop" in stopped.stdout
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
