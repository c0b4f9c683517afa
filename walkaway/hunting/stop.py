"""Ask a hunt to stop: write stop.json once; the driver ends the attempt and then itself."""

from __future__ import annotations

import contextlib
import time

from walkaway.errors import WalkawayError
from walkaway.hunting.store import HuntRecord
from walkaway.model import exit_codes
from walkaway.process import clock
from walkaway.record import store

_POLL_S = 0.05


def ask(record: HuntRecord, kind: str, by: str) -> None:
    """Ask a hunt to end. ``kind``: `stop` or `interrupt`. Asking again changes nothing.

    Raises `WalkawayError` 73 when stop.json cannot be written.
    """
    asked = {"kind": kind, "by": by, "at": clock.iso(time.time())}
    try:
        with contextlib.suppress(FileExistsError):
            store.write_once(record.path("stop.json"), asked)
    except OSError as error:
        message = f"Hunt {record.id} cannot be asked to stop: {error.strerror or error}."
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error


def wait_ended(record: HuntRecord, wait_s: float) -> bool:
    """Wait for the hunt's outcome; False when ``wait_s`` was not enough."""
    deadline = time.monotonic() + wait_s
    while not record.path("outcome.json").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
