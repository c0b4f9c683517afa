"""The supervisor's children: what they inherit, and which of them it waits for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import warnings
from pathlib import Path

import pytest

from tests.walkaway.support.waiting import wait_for
from walkaway.backends import stack_dumps
from walkaway.process import proc_table
from walkaway.process.children import Helper


def test_a_child_that_may_keep_nothing_keeps_no_lock_open(tmp_path: Path) -> None:
    def held() -> bytes:
        return json.dumps([_target(n) for n in range(3, 1024) if _target(n)]).encode()

    with (tmp_path / "lock").open("w"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork with threads: it reads alone
        helper = Helper(held, None)
    while not helper.read():
        pass
    os.waitpid(helper.pid, 0)
    (answer,) = json.loads(helper.answer)
    assert answer.startswith("pipe:")


def _target(number: int) -> str:
    """Return what a descriptor leads to; empty when it is closed."""
    try:
        return str(Path(f"/proc/self/fd/{number}").readlink())
    except OSError:
        return ""


def test_nobody_waits_for_the_stacks_of_a_suspended_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paused(_: float) -> None:
        pytest.fail("waited")

    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            process.send_signal(signal.SIGSTOP)
            wait_for(lambda: _state(process.pid) == "T", "the suspension")
            (tmp_path / "stacks").mkdir()
            start = proc_table.start_ticks(process.pid)
            (tmp_path / "stacks" / "1.txt").write_text(f"{process.pid} {start} - 40\n")
            monkeypatch.setattr("walkaway.backends.stack_dumps.time.sleep", paused)
            assert stack_dumps.take(str(tmp_path)) == 0
        finally:
            monkeypatch.undo()
            process.kill()


def _state(pid: int) -> str:
    proc = proc_table.read(pid)
    return proc.state if proc else ""
