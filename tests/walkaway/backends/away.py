"""A project in Compose on a Docker engine that a test may stop, kill, freeze and start again."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.walkaway.support import warm
from tests.walkaway.support.project import GATED, INV, TIME_LIMIT_S, Project, made, tidied
from tests.walkaway.support.second_engine import IMAGE, SecondEngine, second_engine
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tests.walkaway.support.scratch import Live

__all__ = ["second_engine"]

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
PATIENT = GATED.replace("+ 100", "+ 400")
"""Waits at its gate for as long as an engine may be away on a busy machine."""
_AGE = r"the last event is \d[\d.]* (ms|s|min( \d+ s)?) old"
SILENT = rf"the Docker engine does not answer, so the state is not known; {_AGE}"
UNKNOWN = rf"cannot tell from here: the Docker engine does not answer; {_AGE}"
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
        folder = self.project.root.with_name(f"{self.project.root.name}-bin")
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


@contextlib.contextmanager
def on_second_engine(
    engine: SecondEngine, folder: Path, *names: str, live_restore: bool | None = None
) -> Iterator[dict[str, Away]]:
    """Make projects on the second engine, each by its name.

    Afterwards the engine runs, and has nothing left of them.
    """
    engine.ready(live_restore=live_restore)
    with contextlib.ExitStack() as ended:
        found = {}
        for name in names:
            project = ended.enter_context(tidied(made(folder / name, PATIENT)))
            project.write(
                "docker-compose.yml", COMPOSE.format(image=IMAGE, packages=engine.packages)
            )
            project.write("invoke.yaml", INVOKE)
            project.environ.update(engine.environ)
            found[name] = Away(project, engine)
        try:
            yield found
        finally:
            engine.ready()
            left = engine.docker("ps", "-aq").stdout.split()
            if left:
                engine.docker("rm", "--force", *left, check=False)
    assert not left


def all_at_gate(projects: Mapping[str, Away], *names: str) -> dict[str, Live]:
    """Start a run in each of these projects and wait until all stand before their gates."""
    lives = {name: projects[name].project.start() for name in names}
    for name, live in lives.items():
        projects[name].project.gate_reached(live)
    return lives


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of runs whose engine was away, and what was answered meanwhile."""

    projects: Mapping[str, Away]
    lives: Mapping[str, Live]
    """All have ended."""
    answers: Mapping[tuple[str, ...], subprocess.CompletedProcess[str]]
    """By project and words."""
    concluded: tuple[str, ...]
    """Those whose outcome was written before the engine came back."""

    def outcome(self, name: str) -> dict[str, Any]:
        return self.lives[name].outcome()


def answers(
    projects: Mapping[str, Away], asked: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], subprocess.CompletedProcess[str]]:
    """Run tasks at the same time, each given by its project and words; what they answered."""
    with contextlib.ExitStack() as files:
        running = []
        for name, *words in asked:
            out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            project = projects[name].project
            process = warm.popen(
                (*INV, *words), cwd=project.root, env=project.env(), stdout=out, stderr=err
            )
            running.append(((name, *words), process, out, err))
        found = {}
        for asking, process, out, err in running:
            code = process.wait(TIME_LIMIT_S)
            for file in (out, err):
                file.seek(0)
            found[asking] = subprocess.CompletedProcess(
                asking, code, out.read().decode(), err.read().decode()
            )
    return found


def concluded(lives: Mapping[str, Live]) -> tuple[str, ...]:
    return tuple(name for name, live in lives.items() if live.record.path("outcome.json").exists())


def silence_heard(live: Live) -> None:
    wait_for(lambda: [e for e in live.journal("engine") if not e["answers"]], "silence")
