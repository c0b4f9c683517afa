"""Give a live pytest whose supervisor died a new one, so that its deadline still holds."""

from __future__ import annotations

import os
import time
from pathlib import Path

from walkaway.model.run import Run
from walkaway.process import clock, detach, file_lock
from walkaway.record.store import Record

_TAKEN_S = 2.0
_POLL_S = 0.01


def adopt(record: Record, run: Run) -> bool:
    """Start a supervisor that takes the run over. False when that is not possible from here.

    Not possible on another host or boot, for another user's record, or when it cannot be started.
    """
    if run.host != clock.host() or run.boot_id != clock.boot_id():
        return False
    try:
        owner = record.folder.stat().st_uid
        if owner != os.geteuid():
            return False
        # The new supervisor takes the lock itself, so of several started at once one wins.
        detach.supervisor(record.folder, Path(run.cwd), -1)
    except OSError:
        return False
    until = time.monotonic() + _TAKEN_S
    while time.monotonic() < until and not _is_taken(record):
        time.sleep(_POLL_S)  # until then the run would look unsupervised
    return True


def _is_taken(record: Record) -> bool:
    held = file_lock.probe(str(record.path("supervisor.lock"))) is file_lock.Hold.HELD
    return held or record.path("outcome.json").exists()
