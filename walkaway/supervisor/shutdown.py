"""Ending a run on purpose: INT so that pytest can report, then TERM, then KILL. Never blocks.

A test may handle INT, and the run goes on: while tests still come it is sent again.
"""

from __future__ import annotations

import signal

from walkaway.backends import Backend
from walkaway.record.journal import Journal
from walkaway.supervisor.interrupt_again import UsedUp

_WITH_STACKS = frozenset({"deadline", "stall", "linger"})
_AT_ONCE = frozenset({"output", "disk"})
"""No grace: a flood goes on for as long as it is given."""
_AGAIN_S = 2.0
"""Between two INT, a fifth of the grace at most: the first may be on its way in a busy engine."""


class Ending:
    """One way from the decision to the last signal. ``kind`` is the word of the record."""

    def __init__(self, backend: Backend, journal: Journal, grace_s: float, used_up: UsedUp) -> None:
        self._backend = backend
        self._used_up = used_up
        self._again = 0.0
        """When it is time to see whether INT was used up; 0: it was not the last signal."""
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

    def over(self) -> None:
        """Forget an end that was only the pass's: another one follows."""
        self.kind = self.why = ""

    def step(self) -> None:
        """Send what is due. Call at every turn.

        No grace runs before the last signal was sent: an engine that hangs has it, and passes it
        on when it goes on. Nor while the engine is silent: whether it arrived is not known.
        """
        if self._backend.pending:
            self._next = self._journal.now() + self._wait_s
        elif self._backend.silent:
            self._from_the_first()
        if not self.kind or self._backend.silent:
            return
        if self._journal.now() < self._next:
            self._interrupt_again()
            return
        number = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        self._journal.write("signal", sig=signal.Signals(number).name)
        self._again = 0.0
        if number == signal.SIGINT:
            self._used_up.begin()
            self._backend.interrupt()
            self._wait_s = self._grace_s
            self._again = self._journal.now() + self._between_s
        else:
            self._backend.signal_all(number)
            self._wait_s = self._grace_s / 2 if number == signal.SIGTERM else 1.0
        self._next = self._journal.now() + self._wait_s

    def _interrupt_again(self) -> None:
        if not self._again or self._journal.now() < self._again or self._backend.pending:
            return
        self._again = self._journal.now() + self._between_s
        if self._used_up.look():
            self._journal.write("signal", sig="SIGINT", again=True)
            self._backend.interrupt()

    @property
    def _between_s(self) -> float:
        return min(_AGAIN_S, self._grace_s / 5)

    def _from_the_first(self) -> None:
        self._steps = list(self._all)
        self._next = 0.0
