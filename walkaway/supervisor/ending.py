"""Ending a run on purpose: INT so that pytest can report, then TERM, then KILL. Never blocks."""

from __future__ import annotations

import signal

from walkaway.backends import Backend
from walkaway.supervisor.journal import Journal

_WITH_STACKS = frozenset({"deadline", "stall"})
_AT_ONCE = frozenset({"output", "disk"})
"""No grace: a flood goes on for as long as it is given."""


class Ending:
    """One way from the decision to the last signal. ``kind`` is the word of the record."""

    def __init__(self, backend: Backend, journal: Journal, grace_s: float) -> None:
        self._backend = backend
        self._journal = journal
        self._grace_s = grace_s
        self._next = 0.0
        self._wait_s = 0.0
        """What the last signal is given."""
        self._all: tuple[int, ...] = ()
        self._steps: list[int] = []
        self.kind = ""
        self.why = ""

    def begin(self, kind: str, why: str, *, at_once: bool = False) -> None:
        """Start ending the run, for the first reason only."""
        if self.kind:
            return
        self.kind, self.why = kind, why
        if kind in _WITH_STACKS:
            self._backend.stacks()
        self._all = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
        if at_once or kind in _AT_ONCE:
            self._all = (signal.SIGKILL,)
        self._from_the_first()
        self.step()

    def step(self) -> None:
        """Send what is due. Call at every turn.

        While the engine is silent no grace runs: whether the last signal arrived is not known. Nor
        does one before the last signal was sent.
        """
        if self._backend.silent:
            self._from_the_first()
        elif self._backend.pending:
            self._next = self._journal.now() + self._wait_s
        if not self.kind or self._backend.silent or self._journal.now() < self._next:
            return
        number = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        self._journal.write("signal", sig=signal.Signals(number).name)
        if number == signal.SIGINT:
            self._backend.interrupt()
            self._wait_s = self._grace_s
        else:
            self._backend.signal_all(number)
            self._wait_s = self._grace_s / 2 if number == signal.SIGTERM else 1.0
        self._next = self._journal.now() + self._wait_s

    def _from_the_first(self) -> None:
        self._steps = list(self._all)
        self._next = 0.0
