"""The limits of a live run: deadline, stall, output, disk, and a process that stays open."""

from __future__ import annotations

import contextlib
import os

from walkaway.backends.backend import Backend, Deps
from walkaway.model import journal_kinds
from walkaway.process import proc_table
from walkaway.process.children import Helper
from walkaway.supervisor.lingering import Lingering
from walkaway.supervisor.output_limits import Output
from walkaway.supervisor.record_files import RecordFiles
from walkaway.supervisor.shutdown import Ending
from walkaway.supervisor.stall import Silence

_SCAN_S = 1.0
_CHILDREN = 5


class Watch:
    """Checks every limit, and begins the ending for the first one that is reached."""

    def __init__(self, deps: Deps, files: RecordFiles, backend: Backend, ending: Ending) -> None:
        self._deps = deps
        self._files = files
        self._backend = backend
        self._ending = ending
        limits = deps.run.limits
        self._deadline_s = limits.deadline_s
        self._linger_s = limits.linger_s
        self._silence = Silence(deps.family, deps.journal, limits.stall_s)
        self.lingering = Lingering(
            deps.family, deps.journal, files.fds["events.jsonl"], limits.linger_s
        )
        self._output = Output(deps.log_fd, limits, os.path.dirname(deps.record))
        self.pytest_started: float | None = None
        """When the first pass's pytest was first seen, in journal seconds."""
        self.helper: Helper | None = None
        """The child that looks up how long the tests in flight usually take."""
        self._scan_at = 0.0
        self.pids: list[int] = []
        """The run's processes, as listed last."""

    def check(self, now: float) -> None:
        """Check everything once. Call in every turn; ``now``: journal seconds."""
        if self._backend.running:
            self._check_pytest(now)
        if now >= self._scan_at:
            self._scan(now)
        reached = self._output.check(self.pids)
        if reached:
            self._limit(*reached)

    def answered(self) -> None:
        """Take the helper's answer: it is a stall if silence exceeds 3 times the usual time."""
        helper, self.helper = self.helper, None
        with contextlib.suppress(ValueError):
            usual = float((helper and helper.answer) or b"0")
            silent = self._silence.silent_s
            if silent > 3 * usual:
                self._limit("stall", f"no event and an idle tree for {silent:.0f} s")

    def _check_pytest(self, now: float) -> None:
        """Check deadline and stall. Both count from pytest's start, in the first pass."""
        if self.pytest_started is None:
            self.pytest_started = now
            self._silence.begin()
        if self._deadline_s and now - self.pytest_started > self._deadline_s:
            self._limit("deadline", f"the deadline of {_human(self._deadline_s)} was reached")
        if not self._ending.kind:
            self._check_whether_it_stays(now)
        stalled = self._silence.check(self._files.events_size())
        if stalled and self.helper is None and not self._ending.kind:
            record = self._deps.record
            self.helper = Helper(lambda: _usual_s(record), [self._deps.lock_fd])
            self._deps.family.helpers.add(self.helper.pid)

    def _check_whether_it_stays(self, now: float) -> None:
        """Journal a process that stays after pytest's end, and end it when its time is up."""
        found = self.lingering.check()
        if found == "new":
            self._scan(now)
            main = self._deps.family.main
            left = [pid for pid in self.pids if main is None or pid != main[0]][:_CHILDREN]
            children = [(pid, proc_table.command(pid)) for pid in left]
            self._deps.journal.write(journal_kinds.LINGERING, children=children)
            self._backend.stacks()
        elif found == "over":
            why = f"pytest was done and its process stayed, idle, for {_human(self._linger_s)}"
            self._limit("linger", why)

    def _scan(self, now: float) -> None:
        """List the run's processes, seldom enough to cost at most 2 % of a core."""
        self.pids = [proc.pid for proc in self._deps.family.members()]
        self._scan_at = now + max(_SCAN_S, 50 * (self._deps.journal.now() - now))

    def _limit(self, kind: str, why: str) -> None:
        if not self._ending.kind:
            self._deps.journal.write(journal_kinds.LIMIT_REACHED, kind=kind, m=why)
            self._ending.begin(kind, why)


def _usual_s(record: str) -> bytes:
    """Return the longest usual time, in seconds, of the tests in flight. Runs in a child."""
    from walkaway.record import durations

    return str(durations.longest_in_flight_s(record)).encode()


def _human(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:g} s"  # noqa: PLR2004
