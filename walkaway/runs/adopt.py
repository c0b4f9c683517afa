"""A live pytest whose supervisor died gets a new one, so that its deadline goes on to hold."""

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
    """Start a supervisor that takes the run over. False when it cannot be done from here."""
    if run.host != clock.host() or run.boot_id != clock.boot_id():
        return False
    try:
        owner = record.folder.stat().st_uid
        if owner != os.geteuid():
            return False
        # It takes the lock itself: of several looks at once, one supervisor wins.
        detach.supervisor(record.folder, Path(run.cwd), -1)
    except OSError:
        return False
    until = time.monotonic() + _TAKEN_S
    while time.monotonic() < until and not _is_taken(record):
        time.sleep(_POLL_S)  # before that whoever asks would find the run without anybody
    return True


def _is_taken(record: Record) -> bool:
    held = file_lock.probe(str(record.path("supervisor.lock"))) is file_lock.Hold.HELD
    return held or record.path("outcome.json").exists()
