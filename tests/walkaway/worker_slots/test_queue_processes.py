"""Worker slots between processes: killed, suspended, and many at once."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.waiting import PATIENCE_S, wait_for
from walkaway.process import runtime_folder
from walkaway.worker_slots import queue

RUN = """\
import os, sys, time
sys.path.insert(0, {repository!r})
from walkaway.worker_slots.queue import Turn

name, total, wanted, forks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
turn = Turn(total, wanted, name, os.getcwd(), os.environ)
while not turn.try_take():
    time.sleep(0.01)
assert turn.note == "", turn.note
if forks and os.fork() == 0:
    os.setsid()
    time.sleep(10 * {patience})
    os._exit(0)
with open("order", "a") as file:
    file.write(name + "\\n")
while not os.path.exists("go"):
    time.sleep(0.01)
"""
"""Takes its slots, says so in a file, and holds them until it is told to go; or until killed."""

COUNTED = """\
import os, sys, time
sys.path.insert(0, {repository!r})
from walkaway.worker_slots.queue import Turn

wanted = int(sys.argv[1])
turn = Turn(4, wanted, "x", os.getcwd(), os.environ)
print("ready", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
while not turn.try_take():
    time.sleep(0.005)
assert turn.note == "", turn.note
fd = os.open("load", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(fd, b"+%d\\n" % wanted)
time.sleep(0.02)
os.write(fd, b"-%d\\n" % wanted)
turn.release()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runtime"


@pytest.fixture
def start(tmp_path: Path, folder: Path) -> Iterator[Start]:
    """Start processes; whatever a test leaves of them is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(program: str, *words: str) -> subprocess.Popen[str]:
        text = program.format(repository=str(REPOSITORY), patience=PATIENCE_S)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", text, *words],
            cwd=tmp_path,
            env={runtime_folder.OVERRIDE: str(folder), "PATH": os.defpath},
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with process:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()


def waiting(folder: Path) -> list[str]:
    found = queue.who({runtime_folder.OVERRIDE: str(folder)})
    return [holder.run for holder in found if holder.waits]


def holding(folder: Path) -> list[str]:
    found = queue.who({runtime_folder.OVERRIDE: str(folder)})
    return [holder.run for holder in found if not holder.waits]


def is_holding(folder: Path, name: str) -> bool:
    return name in holding(folder)


def test_a_killed_run_frees_its_slots_and_its_place(start: Start, folder: Path) -> None:
    first = start(RUN, "first", "4", "4")
    wait_for(lambda: holding(folder) == ["first"])
    second = start(RUN, "second", "4", "4")
    wait_for(lambda: waiting(folder) == ["second"])
    start(RUN, "third", "4", "1")
    wait_for(lambda: waiting(folder) == ["second", "third"])
    second.kill()
    second.wait(PATIENCE_S)
    assert holding(folder) == ["first"]
    first.kill()
    wait_for(lambda: holding(folder) == ["third"])
    wait_for(lambda: len(list(folder.iterdir())) == 2, "what the dead left is gone")


def test_a_child_that_a_run_forked_does_not_keep_its_slots(start: Start, folder: Path) -> None:
    first = start(RUN, "first", "1", "1", "forks")
    wait_for((folder.parent / "order").exists)
    child = int(Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()[0])
    try:
        first.kill()
        first.wait(PATIENCE_S)
        start(RUN, "second", "1", "1")
        wait_for(lambda: holding(folder) == ["second"])
        os.kill(child, 0)  # it lives, and holds nothing
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_suspended_holder_keeps_what_it_has(start: Start, folder: Path) -> None:
    first = start(RUN, "first", "1", "1")
    wait_for(lambda: holding(folder) == ["first"])
    first.send_signal(signal.SIGSTOP)
    start(RUN, "second", "1", "1")
    wait_for(lambda: waiting(folder) == ["second"])
    assert holding(folder) == ["first"]
    first.send_signal(signal.SIGCONT)


def test_processes_are_served_in_the_order_of_their_arrival(start: Start, folder: Path) -> None:
    first = start(RUN, "first", "4", "1")
    wait_for(lambda: holding(folder) == ["first"])
    expected: list[str] = []
    processes: list[subprocess.Popen[str]] = []
    for number, wanted in enumerate(("4", "1", "4", "2", "4")):
        name = f"{number}-of-{wanted}"
        expected.append(name)
        processes.append(start(RUN, name, "4", wanted))
        wait_for(lambda: waiting(folder) == expected)
    for name, process in zip(["first", *expected], [first, *processes], strict=True):
        wait_for(functools.partial(is_holding, folder, name))
        process.kill()
        process.wait(PATIENCE_S)
    order = (folder.parent / "order").read_text().split()
    assert order == ["first", *expected]


def test_twenty_processes_at_once_never_have_more_than_there_is(
    start: Start, tmp_path: Path
) -> None:
    """Wide and narrow ones that come at the same moment: all of them get their turn."""
    processes = [start(COUNTED, str(1 + number % 4)) for number in range(20)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    (tmp_path / "go").touch()
    with contextlib.ExitStack() as held:
        for process in processes:
            held.enter_context(process)
            assert process.wait(PATIENCE_S) == 0
    changes = [int(line) for line in (tmp_path / "load").read_text().split()]
    load = [sum(changes[: n + 1]) for n in range(len(changes))]
    assert len(changes) == 40
    assert load[-1] == 0
    assert max(load) == 4
    assert min(load) >= 0
