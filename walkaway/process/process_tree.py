"""The processes of a run: find them, measure them, and end them until none is left.

As child subreaper the supervisor sees every descendant, daemons included. Measured with 6 kinds of
daemon: by session id 5 survived, by an environment marker 2, this way none. A supervisor that
adopted a run is nobody's ancestor; it uses pytest's descendants and the marker.
"""

from __future__ import annotations

import os
import signal
import time

from walkaway.process import proc_table

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_TERM_WAIT_S = 2.0
_KILL_WAIT_S = 20.0
_PAUSE_S = 0.02


class Family:
    """The processes of one run."""

    def __init__(self, marker: str) -> None:
        self._marker = marker.encode(errors="surrogateescape")
        self.helpers: set[int] = set()
        """PIDs of our own children that are not part of the run."""
        self.main: tuple[int, int] | None = None
        """PID and start time of pytest."""
        self.adopted = False
        self.apart = False
        """Pytest runs in a container: it is not our descendant and may not be visible at all."""

    def members(self) -> list[proc_table.Proc]:
        """Return the living processes of the run, pytest included."""
        everyone = proc_table.everyone()
        found = {p.pid: p for p in proc_table.descendants(os.getpid(), everyone)}
        strangers: list[proc_table.Proc] = []
        if self.adopted and not self.apart:
            strangers += proc_table.marked(self._marker, everyone)
        if self.main and (self.adopted or self.apart) and proc_table.alive(*self.main):
            strangers += [everyone[self.main[0]]] if self.main[0] in everyone else []
        for proc in strangers:
            found[proc.pid] = proc
            found.update((p.pid, p) for p in proc_table.descendants(proc.pid, everyone))
        own = {os.getpid(), *self.helpers}
        own.update(p.pid for pid in self.helpers for p in proc_table.descendants(pid, everyone))
        return [p for p in found.values() if p.pid not in own and p.state not in "ZX"]

    def signal_all(self, number: int) -> None:
        """Signal every member once."""
        for proc in self.members():
            proc_table.send(proc.pid, proc.start, number)

    def work(self) -> tuple[float, bool]:
        """Return CPU seconds of the members and their reaped children, and whether one is runnable.

        Runnable counts as busy: on an overloaded machine a process may wait for a CPU longer than
        it runs.
        """
        if self.apart and self.main is None:
            return 0.0, True  # in another kernel: a process we cannot see is never called idle
        members = self.members()
        used = sum(proc.cpu_ticks for proc in members) / _TICKS_PER_S
        return used, any(proc.state == "R" for proc in members)

    def sweep(self) -> list[tuple[int, str]]:
        """End what is left after pytest, until two scans find nothing; return PIDs and commands."""
        left = self._settled()
        named = [(proc.pid, proc_table.command(proc.pid)) for proc in left]
        if left:
            self.signal_all(signal.SIGTERM)
            self._wait_gone(_TERM_WAIT_S, signal.SIGTERM)
        self._wait_gone(_KILL_WAIT_S, signal.SIGKILL)
        return named

    def _settled(self) -> list[proc_table.Proc]:
        """Return the members still there after 0.5 s: workers exit a moment after pytest."""
        deadline = time.monotonic() + 0.5
        seen: list[proc_table.Proc] = []
        while (left := self.members()) or self._children():
            seen = left or seen
            if time.monotonic() > deadline:
                return seen
            reap(self.helpers)
            time.sleep(_PAUSE_S)
        return []

    def _children(self) -> list[int]:
        """Return our children that belong to the run, zombies included.

        A scan of /proc can miss a chain of forks again and again. This list cannot: an orphan
        becomes our child before its parent leaves the list, which happens when we reap the parent.
        """
        return [pid for pid in proc_table.own_children() if pid not in self.helpers]

    def _wait_gone(self, wait_s: float, number: int) -> None:
        deadline = time.monotonic() + wait_s
        empty = 0
        while empty < 2 and time.monotonic() < deadline:  # noqa: PLR2004 - one scan can miss a fork
            reap(self.helpers)
            members = self.members()
            somebody = bool(members or self._children())
            empty = 0 if somebody else empty + 1
            if somebody and number == signal.SIGKILL:
                for proc in members:
                    proc_table.send(proc.pid, proc.start, number)
                self._strike()
            elif somebody:
                time.sleep(_PAUSE_S)

    def _strike(self) -> None:
        """Kill our children as fast as they appear: a chain of forks outruns a scan of /proc."""
        until = time.monotonic() + _PAUSE_S
        while time.monotonic() < until:
            born = self._children()
            for pid in born:
                os.kill(pid, signal.SIGKILL)  # not reaped yet, so the PID cannot be reused
            reap(self.helpers)
            if not born:
                time.sleep(_PAUSE_S / 10)


def reap(but: set[int]) -> dict[int, int]:
    """Reap all ended children; return their wait status by PID and drop the PIDs from ``but``."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        but.discard(pid)
        ended[pid] = status
