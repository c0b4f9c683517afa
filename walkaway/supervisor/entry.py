"""Become the supervisor of a run: with the lock inherited from the starter, or by adopting it."""

from __future__ import annotations

import os
import time

from walkaway.process import file_lock
from walkaway.supervisor.main import Supervisor


def main(record: str, lock_fd: int) -> int:
    """Own the run of ``record`` until its outcome is written; return the exit code.

    ``lock_fd`` -1: adopt the run; does nothing if another supervisor has it or it has an outcome.
    """
    adopted = lock_fd < 0
    if adopted:
        taken = _take_lock(os.path.join(record, "supervisor.lock"))
        if taken is None or os.path.exists(os.path.join(record, "outcome.json")):
            return 0
        lock_fd = taken
    os.set_inheritable(lock_fd, False)  # noqa: FBT003 - os takes it so
    supervisor = Supervisor(record, lock_fd, adopted=adopted)
    supervisor.run_through()
    return 0


def _take_lock(path: str) -> int | None:
    """Take the lock of a run to adopt. Retries, since a reader's probe may hold it briefly."""
    for _ in range(20):
        taken = file_lock.acquire(path)
        if taken is not None:
            return taken
        time.sleep(0.01)
    return None
