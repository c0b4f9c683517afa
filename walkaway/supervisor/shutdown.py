"""End a run on purpose: INT so that pytest can report, then TERM, then KILL. Never blocks.

A test may swallow INT, and the run goes on: while tests still run, INT is sent again.
"""

from __future__ import annotations

import signal

from walkaway.backends.backend import Backend, Delivery
from walkaway.model import journal_kinds
from walkaway.record.journal import Journal
from walkaway.supervisor.interrupt_again import UsedUp

_WITH_STACKS = frozenset({"deadline", "stall", "linger"})
_AT_ONCE = frozenset({"output", "disk"})
"""No grace period: a flood of output goes on for as long as it is allowed to."""
_AGAIN_S = 2.0
"""Time between two INTs, at most a fifth of the grace: a busy engine may deliver one late."""


class Ending:
    """The sequence from the decision to end a run to the last signal.

    ``kind``: the record's word for the reason, empty while the run is not being ended.
    """

    def __init__(self, backend: Backend, journal: Journal, grace_s: float, used_up: UsedUp) -> None:
        self._backend = backend
        self._used_up = used_up
        self._again = 0.0
        """When to check whether INT was swallowed; 0 when INT was not the last signal."""
        self._journal = journal
        self._grace_s = grace_s
        self._next = 0.0
        self._wait_s = 0.0
        """How long the last signal gets to take effect."""
        self._all: tuple[int, ...] = ()
        self._steps: list[int] = []
        self.kind = ""
        self.why = ""

    def begin(self, kind: str, why: str, *, at_once: bool = False) -> None:
        """Start ending the run; only the first reason counts. ``at_once``: straight to KILL."""
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
        """Reset after an end that concerned only this pass: another pass follows."""
        self.kind = self.why = ""

    def step(self) -> None:
        """Send the signal that is due. Call in every turn.

        The grace period does not run while the last signal is pending: a hanging engine delivers
        it once it recovers. Nor while the engine is silent: we do not know whether it arrived.
        """
        delivery = self._backend.delivery
        if delivery is Delivery.PENDING:
            self._next = self._journal.now() + self._wait_s
        elif delivery is Delivery.SILENT:
            self._from_the_first()
        if not self.kind or delivery is Delivery.SILENT:
            return
        if self._journal.now() < self._next:
            self._interrupt_again()
            return
        number = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        self._journal.write(journal_kinds.SIGNAL_SENT, sig=signal.Signals(number).name)
        self._again = 0.0
        if number == signal.SIGINT:
            self._used_up.begin()
            self._wait_s = self._grace_s
            self._again = self._journal.now() + self._between_s
        else:
            self._wait_s = self._grace_s / 2 if number == signal.SIGTERM else 1.0
        self._backend.signal(number)
        self._next = self._journal.now() + self._wait_s

    def _interrupt_again(self) -> None:
        if not self._again or self._journal.now() < self._again:
            return
        if self._backend.delivery is Delivery.PENDING:
            return
        self._again = self._journal.now() + self._between_s
        if self._used_up.look():
            self._journal.write(journal_kinds.SIGNAL_SENT, sig="SIGINT", again=True)
            self._backend.signal(signal.SIGINT)

    @property
    def _between_s(self) -> float:
        return min(_AGAIN_S, self._grace_s / 5)

    def _from_the_first(self) -> None:
        self._steps = list(self._all)
        self._next = 0.0
