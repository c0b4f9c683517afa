"""The engine's word on a container outlives the container: after a reboot, after `down --force`."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.backends.conftest import left_in_engine
from tests.walkaway.backends.gated import GATED, at_gate, gated, kill_supervisor, open_gate
from tests.walkaway.support.engine import docker
from tests.walkaway.support.scratch import clean_environ
from walkaway.environment import reaper, teardown
from walkaway.process import proc_table
from walkaway.upkeep import survey
from walkaway.upkeep.retention import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.walkaway.support.project import Project
    from tests.walkaway.support.scratch import Live

__all__ = ["gated"]

pytestmark = pytest.mark.engine

NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
EATS = "    x = [bytearray(30_000_000) for _ in range(60)]\n"


@pytest.fixture
def lone(gated: Project) -> Iterator[Project]:
    """A project whose run will have no supervisor to clean up after it."""
    yield gated
    assert gated.inv("down").returncode == 0


def another_boot(live: Live) -> None:
    """Have the run's record tell of an earlier boot."""
    path = live.record.path("run.json")
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps({**data, "boot_id": "an earlier one"}), encoding="utf-8")


def evidence(live: Live) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(live.record.path("evidence.json").read_bytes())
    (row,) = found["passes"]
    assert isinstance(row, dict)
    return row


@pytest.mark.parametrize(
    ("last", "words", "outcome", "code"),
    [
        ("", (), "passed", 0),
        ("    assert 0\n", (), "failed", 1),
        ("    os._exit(3)\n", (), "crashed", 65),
        ("    os._exit(255)\n", (), "vanished", 70),
        (EATS, (), "out-of-memory", 137),
        ("", ("kill",), "killed", 137),
        ("", ("stop",), "interrupted", 2),
    ],
    ids=["passed", "failed", "no end", "255", "memory", "kill", "stop"],
)
def test_after_a_reboot_the_engine_tells_how_the_container_ended(
    lone: Project, last: str, words: tuple[str, ...], outcome: str, code: int
) -> None:
    """255 is what an engine says of an end that it did not see."""
    lone.write("tests/test_it.py", GATED + last)
    live, name = at_gate(lone)
    kill_supervisor(live)
    if words:
        docker(*words, name)
    else:
        open_gate(lone)
    docker("wait", name)
    another_boot(live)
    waited = lone.inv("wait")
    assert waited.returncode == code, waited.stdout
    told = lone.json("progress")
    assert told["ended"]["outcome"] == outcome, told
    assert any("state in the Docker engine" in note for note in told["ended"]["notes"])
    assert evidence(live)["exit_code"] == int(
        docker("inspect", "-f", "{{.State.ExitCode}}", name).stdout
    )
    assert not live.record.path("outcome.json").exists()
    docker("rm", "--force", name)
    for env in ({}, NOWHERE):
        assert lone.inv("wait", env=env).returncode == code


def test_what_the_engine_has_said_is_removed_and_the_record_grows_old(lone: Project) -> None:
    live, name = at_gate(lone)
    kill_supervisor(live)
    open_gate(lone)
    docker("wait", name)
    another_boot(live)
    assert not reaper.after_run(lone.root, clean_environ()).go
    assert lone.inv("wait").returncode == 0
    assert [fate.thing.name for fate in reaper.after_run(lone.root, clean_environ()).go] == [name]
    assert survey.stored(live.folder.parent, live.run.id).state is State.DONE


@pytest.mark.parametrize("supervised", [True, False])
def test_down_by_force_leaves_the_verdict(gated: Project, *, supervised: bool) -> None:
    live, _ = at_gate(gated)
    if not supervised:
        kill_supervisor(live)
    assert gated.inv("down").returncode == 64
    answer = gated.inv("down", "--force")
    assert answer.returncode == 0, answer.stderr
    assert not left_in_engine(gated.root)
    found = live.outcome()
    assert (found["outcome"], found["code"], found["pytest_exit"]) == ("stopped", 2, 2)
    assert found["rests_on"] == "by inv down --force"
    assert evidence(live)["exit_code"] == 2


def test_down_keeps_the_end_of_a_container_whose_supervisor_does_not_hear(gated: Project) -> None:
    live, _ = at_gate(gated)
    pid, start = live.supervisor()
    proc_table.send(pid, start, signal.SIGSTOP)
    try:
        removed = teardown.down_all(gated.root, clean_environ())
    finally:
        proc_table.send(pid, start, signal.SIGCONT)
    assert len(removed.containers) == 1
    found = live.outcome()
    assert (found["outcome"], found["code"], found["pytest_exit"]) == ("interrupted", 2, 2)
    assert (evidence(live)["exit_code"], evidence(live)["oom_killed"]) == (2, False)
    assert found["notes"] == []
