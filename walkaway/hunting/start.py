"""Start a hunt: make its record, locked before it becomes visible, and launch its driver."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.hunting.store import LOCK, HuntRecord, Hunts
from walkaway.model import exit_codes
from walkaway.model.hunt import Hunt, hunt_to_json
from walkaway.process import clock, detach, file_lock
from walkaway.record import run_ids

DRIVER = Path(__file__).resolve().parent / "__main__.py"
_START_WAIT_S = 30.0
_TAKE_WAIT_S = 5.0
_POLL_S = 0.02


def begin(hunts: Hunts, planned: Hunt) -> HuntRecord:
    """Start ``planned`` (its id, time and lock are filled in here) and return its record.

    Raises `WalkawayError` 73 when no record can be made, 69 when the driver cannot be started.
    """
    hunts.records.prepare()
    try:
        with file_lock.exclusive(str(hunts.records.folder / ".start.lock"), _START_WAIT_S):
            return _create(hunts, planned)
    except OSError as error:  # and TimeoutError
        message = (
            f"Cannot make a record in {hunts.records.folder}: {error.strerror or error}.\n"
            "No hunt was started. Fix the folder (owner, space), then try again."
        )
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error


def adopt(record: HuntRecord, hunt: Hunt) -> bool:
    """Start a new driver for a hunt whose driver died. False when not possible from here."""
    if hunt.host != clock.host() or hunt.boot_id != clock.boot_id():
        return False
    try:
        if record.folder.stat().st_uid != os.geteuid():
            return False
        detach.detached(DRIVER, record.folder, record.path("driver.log"), Path(hunt.run.cwd), -1)
    except OSError:
        return False
    # The next look must not mistake a driver that is still starting for a dead one.
    until = time.monotonic() + _TAKE_WAIT_S
    while time.monotonic() < until and record.outcome() is None:
        if file_lock.probe(str(record.path(LOCK))) is file_lock.Hold.HELD:
            break
        time.sleep(_POLL_S)
    return True


def _create(hunts: Hunts, planned: Hunt) -> HuntRecord:
    # Above every existing run and hunt, so that its attempts' ids will be above its own.
    known = sorted([*hunts.ids()[-1:], *hunts.records.ids()[-1:]])
    now = time.time()
    hunt_id = run_ids.new_id(now, known[-1] if known else None)
    fresh = hunts.records.folder / f".new-{hunt_id}-{os.getpid()}"
    record = hunts.record(hunt_id)
    lock_fd = -1
    try:
        fresh.mkdir()
        fd = file_lock.acquire(str(fresh / LOCK))
        if fd is None:
            raise BlockingIOError(None, "a new lock is held by somebody else")
        lock_fd = fd
        status = os.fstat(lock_fd)
        hunt = replace(
            planned,
            id=hunt_id,
            created_s=now,
            boot_id=clock.boot_id(),
            host=clock.host(),
            lock=(status.st_dev, status.st_ino),
        )
        data = json.dumps(hunt_to_json(hunt), ensure_ascii=True, indent=1)
        (fresh / "hunt.json").write_text(data + "\n", encoding="ascii")
        fresh.rename(record.folder)
        cwd = Path(hunt.run.cwd)
        try:
            detach.detached(DRIVER, record.folder, record.path("driver.log"), cwd, lock_fd)
        except OSError as error:
            shutil.rmtree(record.folder, ignore_errors=True)
            message = f"The hunt's driver cannot be started: {error}.\nNo hunt was started."
            raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    finally:
        if lock_fd >= 0:
            os.close(lock_fd)
    return record
