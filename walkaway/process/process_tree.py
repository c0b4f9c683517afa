"""All processes of a run: finding them, measuring them, and ending them until nobody is left.

As child subreaper the supervisor sees every descendant, daemons included: by session id 5 of 6
kinds of daemon stayed, by an environment marker 2, by this none (measured). A supervisor that
adopted a run is nobody's ancestor and goes by pytest's descendants and the marker.
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
        """Our own children that are no part of the run."""
        self.main: tuple[int, int] | None = None
        """PID and start time of pytest."""
        self.adopted = False
        self.apart = False
        """Pytest runs in a container: it is no descendant of ours, and may not be seen at all."""

    def members(self) -> list[proc_table.Proc]:
        """Living processes of the run, pytest included."""
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
        """Return CPU seconds of the members and their reaped children; whether one wants more.

        On an overloaded machine a busy process may wait for its turn longer than it runs.
        """
        if self.apart and self.main is None:
            return 0.0, True  # in a kernel of its own: who cannot be seen is not called idle
        members = self.members()
        used = sum(proc.cpu_ticks for proc in members) / _TICKS_PER_S
        return used, any(proc.state == "R" for proc in members)

    def sweep(self) -> list[tuple[int, str]]:
        """End whoever is left after pytest; returns who it was. Until two scans find nobody."""
        left = self._settled()
        named = [(proc.pid, proc_table.command(proc.pid)) for proc in left]
        if left:
            self.signal_all(signal.SIGTERM)
            self._wait_gone(_TERM_WAIT_S, signal.SIGTERM)
        self._wait_gone(_KILL_WAIT_S, signal.SIGKILL)
        return named

    def _settled(self) -> list[proc_table.Proc]:
        """Return members that do not go by themselves: workers leave a moment after pytest."""
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
        """Return our children that are of the run, zombies included.

        A scan of /proc can miss a chain of forks for as long as it likes. This cannot: whoever has
        lost its parent is our child before the parent leaves this list, which is when we reap it.
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
        """Kill our children as fast as they come: a chain of forks is over before a scan ends."""
        until = time.monotonic() + _PAUSE_S
        while time.monotonic() < until:
            born = self._children()
            for pid in born:
                os.kill(pid, signal.SIGKILL)  # not reaped yet: the PID is its own
            reap(self.helpers)
            if not born:
                time.sleep(_PAUSE_S / 10)


def reap(but: set[int]) -> dict[int, int]:
    """Collect ended children that nobody else waits for; their wait status by PID."""
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
