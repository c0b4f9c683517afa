"""The driver: a separate process that makes one attempt after another and writes the outcome.

All of its state is in the hunt's record. If it is killed, the next look starts a new driver, which
continues with the running attempt.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.hunting.attempt_results import harvest
from walkaway.hunting.store import LOCK, HuntRecord
from walkaway.model import hunt, hunt_summary
from walkaway.model.hunt import Attempt, Hunt
from walkaway.model.run import Origin
from walkaway.model.vocabulary import Outcome
from walkaway.process import clock, file_lock
from walkaway.record import store
from walkaway.record.store import Record, Records
from walkaway.runs import start, stop

_TURN_S = 0.3
_LOCK_TRIES = 50
_CUT = frozenset({Outcome.STOPPED, Outcome.INTERRUPTED})


def main(folder: str, lock_fd: int) -> int:
    """Drive a record's hunt to its end; return the exit code.

    ``lock_fd`` -1: adopt the hunt, unless another driver has it or it has an outcome.
    """
    record = HuntRecord(Path(folder))
    held = lock_fd if lock_fd >= 0 else _take_lock(str(record.path(LOCK)))
    if held is None or record.outcome() is not None:
        return 0
    os.set_inheritable(held, False)  # noqa: FBT003 - os takes it so
    record.repair()
    driver = Driver(record, record.hunt())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, driver.on_signal)
    driver.drive()
    return 0


@dataclass(slots=True)
class Driver:
    """A live hunt: its record, its attempts so far, and the ids of their tests."""

    record: HuntRecord
    hunt: Hunt
    attempts: list[Attempt] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    signal_name: str = ""

    @property
    def records(self) -> Records:
        """The runs of the hunt's checkout."""
        return Records(Path(self.hunt.run.root))

    def drive(self) -> None:
        """Make every due attempt, then write outcome.json; stop if the record is deleted."""
        self.attempts, self.tests = self.record.attempts(), self.record.tests()
        why = failed = ""
        code = 0
        while not (why := self._why_over()):
            number = len(self.attempts) + 1
            try:
                run = self._started(number) or self._start(number)
            except WalkawayError as error:
                why, failed, code = "error", error.message, error.code
                break
            self._until_ended(run)
            if not self.record.path("hunt.json").exists():
                return  # the hunt was deleted: nobody could read it or stop it any more
            self._harvest(run, number)
        found = hunt_summary.compare(self.attempts, self.tests)
        code = code or hunt_summary.verdict_code(found, self.attempts, why)
        outcome = {
            "schema": hunt.SCHEMA,
            "id": self.hunt.id,
            "ended_by": why,
            "why": failed or self._asked()[1],
            "code": code,
            "attempts": len(self.attempts),
            "ended_at": clock.iso(time.time()),
            "duration_s": round(time.time() - self.hunt.created_s, 3),
        }
        with contextlib.suppress(FileExistsError):
            store.write_once(self.record.path("outcome.json"), outcome)

    def on_signal(self, number: int, _frame: object) -> None:
        """Treat a signal as a request to stop."""
        self.signal_name = signal.Signals(number).name

    def _why_over(self) -> str:
        over = hunt_summary.why_over(self.hunt, self.attempts, self.tests)
        cut = self.attempts and self.attempts[-1].outcome in _CUT
        # If the last attempt ran to its end the hunt is complete, even if a stop was requested.
        return over if over == "complete" and not cut else self._asked()[0] or over

    def _asked(self) -> tuple[str, str]:
        """Return `stop` or `interrupt` and who asked for it; empty strings when nobody did."""
        if self.signal_name:
            return "stop", f"its driver was asked to end ({self.signal_name})"
        asked = self.record.json("stop.json")
        if asked is None:
            return "", ""
        kind = "interrupt" if asked.get("kind") == "interrupt" else "stop"
        return kind, str(asked.get("by", "?"))

    def _started(self, number: int) -> Record | None:
        """Return the run of an attempt that an earlier driver started, or None."""
        for run_id in reversed(self.records.ids()):
            if run_id <= self.hunt.id:
                return None
            record = self.records.record(run_id)
            with contextlib.suppress(WalkawayError):
                run = record.run()
                if run.hunt == self.hunt.id and run.attempt == number:
                    return record
        return None

    def _start(self, number: int) -> Record:
        seed = hunt.attempt_seed(self.hunt.seed, number)
        planned = self.hunt.run._replace(
            order_seed=seed,
            hunt=self.hunt.id,
            attempt=number,
            # Not the starter's origin: its `latest` must stay the run that it started itself.
            origin=Origin("hunt", f"hunt {self.hunt.id}"),
        )
        return start.start(self.records, planned, again=True).record

    def _until_ended(self, record: Record) -> None:
        run = record.run()
        while not stop.wait_ended(record, _TURN_S):
            stop.ensure_supervised(record, run)
            kind, by = self._asked()
            if kind:
                stop.ask(record, kind, f"the end of hunt {self.hunt.short} ({by})")

    def _harvest(self, record: Record, number: int) -> None:
        attempt, new = harvest(self.records, record, number, self.tests)
        if new:
            self.record.add_tests(new)
            self.tests += new
        self.record.add_attempt(attempt)
        self.attempts.append(attempt)


def _take_lock(path: str) -> int | None:
    """Take the lock of a hunt to adopt. Retries, since a reader's probe may hold it briefly."""
    for _ in range(_LOCK_TRIES):
        taken = file_lock.acquire(path)
        if taken is not None:
            return taken
        time.sleep(0.01)
    return None
