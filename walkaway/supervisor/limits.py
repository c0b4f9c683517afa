"""The watch over a live run: check, once per turn, everything that may end it on purpose."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from walkaway.process import proc_table
from walkaway.process.children import Helper
from walkaway.supervisor import finalize
from walkaway.supervisor.lingering import Lingering
from walkaway.supervisor.output_limits import Output
from walkaway.supervisor.stall import Silence

if TYPE_CHECKING:
    from walkaway.supervisor.main import Supervisor

_SLOW_TURN_S = 1.0
_CHILDREN = 5


class Watch:
    """Checks stop requests, deadline, stall and output; maintains the record once a second."""

    def __init__(self, supervisor: Supervisor) -> None:
        limits = supervisor.run.limits
        self._of = supervisor
        self._deadline_s = limits.deadline_s
        self._silence = Silence(supervisor.family, supervisor.journal, limits.stall_s)
        self._linger_s = limits.linger_s
        self.lingering = Lingering(
            supervisor.family, supervisor.journal, supervisor.keeper.fds["events.jsonl"],
            self._linger_s,
        )  # fmt: skip
        self._output = Output(supervisor.keeper.log_fd, limits, os.path.dirname(supervisor.record))
        self.pytest_started: float | None = None
        """When the first pass's pytest was first seen, in journal seconds."""
        self.helper: Helper | None = None
        """The child that looks up how long the tests in flight usually take."""
        self._faults: set[str] = set()
        self._slow_at = 0.0
        self._scan_at = 0.0
        self._pids: list[int] = []

    def turn(self) -> None:
        """Check everything once. An error here is journaled: it must not cost the verdict."""
        try:
            self._look()
        except Exception as error:  # noqa: BLE001 - it is journaled and the run goes on
            text = f"{type(error).__name__}: {error}"
            if text not in self._faults:
                self._faults.add(text)
                self._of.journal.write("fault", m=text)

    def answered(self) -> None:
        """Take the helper's answer: it is a stall if silence exceeds 3 times the usual time."""
        helper, self.helper = self.helper, None
        with contextlib.suppress(ValueError):
            usual = float((helper and helper.answer) or b"0")
            silent = self._silence.silent_s
            if silent > 3 * usual:
                self._limit("stall", f"no event and an idle tree for {silent:.0f} s")

    def _look(self) -> None:
        of = self._of
        now = of.journal.now()
        of.requests.check()
        if of.backend.running:
            self._look_at_pytest(now)
        if now >= self._scan_at:
            self._scan(now)
        reached = self._output.check(self._pids)
        if reached:
            self._limit(*reached)
        of.ending.step()
        if now >= self._slow_at:
            self._slow_at = now + _SLOW_TURN_S
            of.keeper.reserve()
            of.keeper.check()
            of.memory.sample(now, self._pids)
            of.trees.refresh(now)

    def _look_at_pytest(self, now: float) -> None:
        """Check deadline and stall. Both count from pytest's start, in the first pass."""
        of = self._of
        if self.pytest_started is None:
            self.pytest_started = now
            self._silence.begin()
        if of.family.main is not None:
            of.memory.follow(now, of.family.main[0])
        if self._deadline_s and now - self.pytest_started > self._deadline_s:
            self._limit("deadline", f"the deadline of {_human(self._deadline_s)} was reached")
        if not of.ending.kind:
            self._look_whether_it_stays(now)
        stalled = self._silence.check(of.keeper.events_size())
        if stalled and self.helper is None and not of.ending.kind:
            self.helper = Helper(lambda: finalize.usual_s(of.record), [of.lock_fd])
            of.family.helpers.add(self.helper.pid)

    def _look_whether_it_stays(self, now: float) -> None:
        """Journal a process that stays after pytest's end, and end it when its time is up."""
        of = self._of
        found = self.lingering.check()
        if found == "new":
            self._scan(now)
            main = of.family.main[0] if of.family.main else 0
            left = [pid for pid in self._pids if pid != main][:_CHILDREN]
            of.journal.write("linger", children=[(pid, proc_table.command(pid)) for pid in left])
            of.backend.stacks()
        elif found == "over":
            why = f"pytest was done and its process stayed, idle, for {_human(self._linger_s)}"
            self._limit("linger", why)

    def _scan(self, now: float) -> None:
        """List the run's processes, seldom enough to cost at most 2 % of a core."""
        journal = self._of.journal
        self._pids = [proc.pid for proc in self._of.family.members()]
        self._scan_at = now + max(_SLOW_TURN_S, 50 * (journal.now() - now))

    def _limit(self, kind: str, why: str) -> None:
        if not self._of.ending.kind:
            self._of.journal.write("limit", kind=kind, m=why)
            self._of.ending.begin(kind, why)


def _human(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:g} s"  # noqa: PLR2004
