"""A project in Compose on a Docker engine that a test may stop, kill, freeze and start again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import GATED, Project, made, tidied
from tests.walkaway.support.second_engine import IMAGE, SecondEngine, second_engine
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
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
SILENT = (
    r"the Docker engine does not answer, so the state is not known; the last event is \S+ m?s old"
)
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
