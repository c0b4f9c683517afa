"""A PID is this process only with its start time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from walkaway.process import proc_table


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_later_process_with_the_same_pid_is_another_one() -> None:
    start = proc_table.start_ticks(os.getpid())
    assert proc_table.alive(os.getpid(), start)
    assert proc_table.alive(os.getpid(), 0)
    assert not proc_table.alive(os.getpid(), start - 1)


@pytest.mark.parametrize("with_pidfd", [True, False])
def test_a_later_process_with_the_same_pid_gets_no_signal(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, *, with_pidfd: bool
) -> None:
    if not with_pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    start = proc_table.start_ticks(sleeper.pid)
    assert not proc_table.send(sleeper.pid, start - 1, signal.SIGKILL)
    assert proc_table.send(sleeper.pid, start, signal.SIGTERM)
    # TERM, not KILL: the first signal did not arrive.
    assert sleeper.wait(30) == -signal.SIGTERM
