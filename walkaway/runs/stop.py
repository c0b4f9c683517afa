"""Ask a run to stop: write stop.json once; the supervisor does the rest."""

from __future__ import annotations

import time

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import Run
from walkaway.process import clock, file_lock
from walkaway.record import store
from walkaway.record.store import Record
from walkaway.runs import adopt

_POLL_S = 0.05


def ask(record: Record, kind: str, by: str) -> None:
    """Ask a run to end. ``kind``: `stop` or `interrupt`. Asking again changes nothing.

    Raises `WalkawayError` 73 when stop.json cannot be written.
    """
    try:
        store.write_once(
            record.path("stop.json"), {"kind": kind, "by": by, "at": clock.iso(time.time())}
        )
    except FileExistsError:
        return
    except OSError as error:
        message = (
            f"Run {record.id} cannot be asked to stop: {error.strerror or error}.\n"
            f"Its folder must be writable: {record.folder}"
        )
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error


def ensure_supervised(record: Record, run: Run) -> None:
    """Give a live pytest without a supervisor a new one, which then handles the request."""
    free = file_lock.probe(str(record.path("supervisor.lock"))) is file_lock.Hold.FREE
    if free and file_lock.probe(str(record.path("pytest.lock"))) is file_lock.Hold.HELD:
        adopt.adopt(record, run)


def wait_ended(record: Record, wait_s: float) -> bool:
    """Wait until there is an outcome, or neither supervisor nor pytest is left.

    Returns False when ``wait_s`` was not enough.
    """
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if record.path("outcome.json").exists():
            return True
        held = file_lock.probe(str(record.path("supervisor.lock"))) is file_lock.Hold.HELD
        if not held and file_lock.probe(str(record.path("pytest.lock"))) is not file_lock.Hold.HELD:
            return True
        time.sleep(_POLL_S)
    return False


def wait_left(record: Record, wait_s: float) -> bool:
    """Wait until a run's supervisor has cleaned up and exited; False after ``wait_s``."""
    deadline = time.monotonic() + wait_s
    while file_lock.probe(str(record.path("supervisor.lock"))) is file_lock.Hold.HELD:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
