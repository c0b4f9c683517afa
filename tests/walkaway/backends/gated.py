"""Runs in Compose that stand before a gate, and what may happen to them there."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.waiting import wait_for
from walkaway.environment import container
from walkaway.process import proc_table

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project
    from tests.walkaway.support.scratch import Live

GATED = """\
import os, time

def test_before():
    pass

def test_gated():
    until = time.monotonic() + 100
    while not os.path.exists("tests/gate") and time.monotonic() < until:
        time.sleep(0.02)
"""


@pytest.fixture
def gated(boxed: Project) -> Project:
    """A project in Compose whose second test waits for the file tests/gate."""
    boxed.write("tests/test_it.py", GATED)
    return boxed


def at_gate(project: Project, *words: str) -> tuple[Live, str]:
    """Start a run and wait until it stands before its gate; the run and its container's name."""
    live = project.start(*words)
    project.gate_reached(live)
    return live, container.name(str(project.root), live.run.id, 1)


def open_gate(project: Project) -> None:
    project.write("tests/gate", "")


def kill_supervisor(live: Live) -> None:
    pid, start = live.supervisor()
    proc_table.send(pid, start, signal.SIGKILL)
    wait_for(lambda: not proc_table.alive(pid, start), "the supervisor to be gone")
