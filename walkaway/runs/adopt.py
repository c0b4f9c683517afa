"""A live pytest whose supervisor died gets a new one, so that its deadline goes on to hold."""

from __future__ import annotations

import os
from pathlib import Path

from walkaway.model.run import Run
from walkaway.runs import clock, spawn
from walkaway.runs.store import Record


def adopt(record: Record, run: Run) -> bool:
    """Start a supervisor that takes the run over. False when it cannot be done from here."""
    if run.host != clock.host() or run.boot_id != clock.boot_id():
        return False
    try:
        owner = record.folder.stat().st_uid
        if owner != os.geteuid():
            return False
        # It takes the lock itself: of several looks at once, one supervisor wins.
        spawn.supervisor(record.folder, Path(run.cwd), -1)
    except OSError:
        return False
    return True
