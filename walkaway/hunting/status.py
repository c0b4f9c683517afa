"""Derive a hunt's status, at every look, from its record, its lock and its running attempt.

Readers never write an outcome. A hunt whose driver died gets a new one.
"""

from __future__ import annotations

import time

from walkaway.errors import WalkawayError
from walkaway.hunting.start import adopt
from walkaway.hunting.store import LOCK, HuntRecord, Hunts
from walkaway.model import exit_codes
from walkaway.model.hunt import Hunt, HuntStatus, HuntView
from walkaway.model.run_view import RunView
from walkaway.process import file_lock
from walkaway.record.store import Record
from walkaway.runs import status


def look(
    hunts: Hunts, record: HuntRecord, *, may_adopt: bool = True, current: bool = True
) -> HuntView:
    """Return what is known of a hunt now.

    ``may_adopt``: start a new driver if the old one died. ``current``: include a look at the
    running attempt. Raises `WalkawayError` 66 when the hunt's record cannot be read.
    """
    asked = record.hunt()
    standing, adopted = _standing(record, asked, may_adopt=may_adopt)
    outcome = record.outcome()
    attempts = tuple(record.attempts())
    tests = tuple(record.tests())
    live = standing is HuntStatus.LIVE
    code = exit_codes.STILL_RUNNING if live else exit_codes.VANISHED
    took = time.time() - asked.created_s
    if outcome is not None:
        code, took = int(outcome.get("code", code)), float(outcome.get("duration_s", took))
    elif not live:
        took = sum(attempt.duration_s for attempt in attempts)
    return HuntView(
        hunt=asked,
        folder=str(record.folder),
        standing=standing,
        attempts=attempts,
        tests=tests,
        elapsed_s=max(0.0, took),
        ended_by=str((outcome or {}).get("ended_by", "")),
        why=str((outcome or {}).get("why", "")),
        code=code,
        current=_current(hunts, asked, len(attempts) + 1) if live and current else None,
        adopted_now=adopted,
    )


def _standing(record: HuntRecord, asked: Hunt, *, may_adopt: bool) -> tuple[HuntStatus, bool]:
    if record.outcome() is not None:
        return HuntStatus.DONE, False
    held = file_lock.probe(str(record.path(LOCK)), asked.lock)
    if held is file_lock.Hold.HELD:
        return HuntStatus.LIVE, False
    if record.outcome() is not None:  # it may have been written since the first check
        return HuntStatus.DONE, False
    if held is file_lock.Hold.FREE and may_adopt and adopt(record, asked):
        return HuntStatus.LIVE, True
    return HuntStatus.GONE, False


def _current(hunts: Hunts, asked: Hunt, number: int) -> RunView | None:
    """Return a look at the hunt's newest run if it is attempt ``number``, else None."""
    for run_id in reversed(hunts.records.ids()):
        if run_id <= asked.id:
            return None
        record: Record = hunts.records.record(run_id)
        try:
            run = record.run()
            if run.hunt == asked.id:
                return status.look(hunts.records, record) if run.attempt == number else None
        except WalkawayError:
            continue  # being deleted, or only partly copied
    return None
