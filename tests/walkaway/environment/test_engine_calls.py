"""No docker command is waited for without a bound, and none that was given up goes on."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.waiting import wait_for
from walkaway.environment import engine, run_container, streamed_command
from walkaway.environment.project import Project
from walkaway.errors import WalkawayError
from walkaway.model.run import Run
from walkaway.process import proc_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANGS = """\
#!/bin/sh
echo $$ >"{folder}/docker.pid"
sh -c 'echo $$ >"{folder}/plugin.pid"; exec sleep 1000' &
wait
"""


@pytest.fixture
def hangs(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An engine that takes connections and answers nothing, and a docker command that waits."""
    command = tmp_path / "bin" / "docker"
    command.parent.mkdir()
    command.write_text(HANGS.format(folder=tmp_path), encoding="utf-8")
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        yield {"PATH": path, "DOCKER_HOST": f"unix://{tmp_path / 's'}"}
    pids = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
    wait_for(lambda: not any(map(proc_table.read, pids)), f"the end of {pids}")


def test_a_call_that_takes_too_long_ends_with_its_plugin(
    hangs: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(engine.NoAnswerError, match="`docker ps` did not answer within 1 s"):
        engine.call(("docker", "ps"), hangs, 1.0)
    assert (tmp_path / "plugin.pid").exists()


def test_a_command_that_waits_for_a_silent_engine_is_given_up_before_its_bound(
    hangs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PING_S", 0.1)
    monkeypatch.setattr(streamed_command, "_QUIET_S", 0.1)
    monkeypatch.setattr(streamed_command, "_SILENT_S", 1.0)
    with (tmp_path / "out").open("wb") as out, pytest.raises(WalkawayError) as caught:
        streamed_command.run(("docker", "build"), hangs, 1000.0, cwd=tmp_path, out=out.fileno())
    assert caught.value.code == 69
    assert caught.value.message.startswith("The engine does not answer: ")
    told = (tmp_path / "out").read_text(encoding="utf-8")
    assert told.count("the Docker engine does not answer: ") == 1, told


def test_a_container_whose_making_has_no_answer_may_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No verdict follows from it: whoever asked looks for the container by its name."""

    def call(*_: object, **__: object) -> engine.Done:
        raise engine.NoAnswerError("docker compose run", 300.0)

    monkeypatch.setattr(run_container, "_auto_workers", lambda *_: 1)
    monkeypatch.setattr(engine, "call", call)
    run = Run(
        id="20261122-101530-7f3a", root=str(tmp_path), cwd=str(tmp_path), args=(),
        argv=("pytest",), created_s=1.0, started_boot=1.0,
    )  # fmt: skip
    record = tmp_path / "logs" / run.id
    record.mkdir(parents=True)
    assert run_container._start(Project(tmp_path), run, str(record), 1, {}) is None
