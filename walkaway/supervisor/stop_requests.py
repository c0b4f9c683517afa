"""Requests to end a run: stop.json, a signal to the supervisor, the end of an enclosing run."""

from __future__ import annotations

import json
import os
import signal

from walkaway.model import journal_kinds
from walkaway.process import file_lock
from walkaway.record.journal import Journal
from walkaway.supervisor.shutdown import Ending

MARKER = "WALKAWAY_RUN"


class Requests:
    """Watches for requests from outside and begins the ending for the first one."""

    def __init__(self, record: str, journal: Journal, ending: Ending) -> None:
        self._record = record
        self._journal = journal
        self._ending = ending
        self._parent = os.environ.get(MARKER, "")
        """The record of the run that this one was started in."""
        self.signal_number = 0
        """The signal that told us to end; 0 when none has come."""

    def on_signal(self, number: int, _frame: object) -> None:
        """Note TERM or INT sent to the supervisor; `check` acts on it."""
        self.signal_number = self.signal_number or number

    def check(self) -> None:
        """Begin the ending if somebody has asked for it."""
        if self._ending.kind:
            return
        if self.signal_number:
            self._end_by_signal()
            return
        try:
            with open(os.path.join(self._record, "stop.json"), encoding="utf-8") as file:
                asked = json.load(file)
        except (OSError, ValueError):
            return
        kind, by = str(asked.get("kind", "stop")), str(asked.get("by", "?"))
        self._journal.write(journal_kinds.STOP_REQUESTED, kind=kind, by=by)
        word = "interrupt" if kind == "interrupt" else "stop"
        self._ending.begin(word, f"by {by}")

    def _end_by_signal(self) -> None:
        """End the run after TERM or INT; with KILL at once if it means the enclosing run ended."""
        name = signal.Signals(self.signal_number).name
        why = f"its supervisor was asked to end ({name})"
        around = self._parent if self._parent != self._record else ""
        ended = bool(around) and _is_over(around)
        if ended:
            why = f"the run that it was started in ended ({os.path.basename(around)})"
        self._journal.write(journal_kinds.STOP_REQUESTED, kind="term", by=name)
        self._ending.begin("stop", why, at_once=ended)


def _is_over(record: str) -> bool:
    """Return whether another run's pytest has ended: its supervisor waits at most 2 s for us."""
    return file_lock.probe(os.path.join(record, "pytest.lock")) is not file_lock.Hold.HELD
