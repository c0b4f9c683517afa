"""Runs of all checkouts share the machine's worker slots: who must wait says so, and for whom."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import GATED, Project, made, tidied
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Project, Project]]:
    """Two checkouts on a machine of their own with two worker slots."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    with contextlib.ExitStack() as stack:
        projects = [
            stack.enter_context(tidied(made(tmp_path / name, GATED))) for name in ("one", "other")
        ]
        for project in projects:
            project.environ.update(
                WALKAWAY_RUNTIME_DIR=str(runtime), INVOKE_WALKAWAY_WORKER_SLOTS="2"
            )
        yield projects[0], projects[1]


def test_a_run_waits_for_slots_and_its_deadline_with_it(pair: tuple[Project, Project]) -> None:
    one, other = pair
    first = one.start("--", "-p", "xdist", "-n", "2")
    one.gate_reached(first)
    second = other.start("--timeout", "60")
    wait_for(lambda: second.journal("preparing"), f"the second to be queued\n{second.described()}")
    told = other.inv("progress")
    assert told.stdout.startswith(f"QUEUED  {second.run.short}"), told.stdout
    line = told.stdout.splitlines()[1]
    whom = f"for 1 of the machine's 2 worker slots, behind {first.run.short} in"
    assert line.startswith(f"waiting {whom} "), told.stdout
    assert other.json("progress")["phase"] == f"{whom} {one.root}"
    assert not second.events()
    one.open_gate()
    other.open_gate()
    assert first.outcome()["outcome"] == "passed"
    assert second.outcome()["outcome"] == "passed"
    (spawn,) = second.journal("spawn")
    (queued, *_) = second.journal("preparing")
    assert spawn["t"] > queued["t"]


def test_a_queued_run_is_stopped_at_once(pair: tuple[Project, Project]) -> None:
    one, other = pair
    first = one.start("--", "-p", "xdist", "-n", "2")
    one.gate_reached(first)
    second = other.start()
    wait_for(lambda: second.journal("preparing"), f"the second to be queued\n{second.described()}")
    assert other.inv("stop").returncode == 0
    outcome = second.outcome()
    assert (outcome["outcome"], outcome["code"], outcome["expected"]) == ("stopped", 2, 0)
    one.open_gate()
    assert first.outcome()["outcome"] == "passed"


def test_a_run_inside_a_run_does_not_wait_for_it(pair: tuple[Project, Project]) -> None:
    one, _ = pair
    inner = (
        "import os, subprocess, sys\n"
        "def test_outer():\n"
        "    env = {**os.environ, 'INNER': '1'}\n"
        "    subprocess.run([sys.executable, '-m', 'invoke', 'test', '--', 'tests/inner.py'],"
        " check=True, env=env, timeout=60)\n"
    )
    one.write("tests/test_it.py", inner)
    one.write("tests/inner.py", "def test_inner(): pass\n")
    assert one.ended("--", "-p", "xdist", "-n", "2").outcome()["outcome"] == "passed"
