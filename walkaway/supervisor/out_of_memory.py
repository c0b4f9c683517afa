"""Detect whether the kernel's OOM killer hit a process of the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_RECENT_S = 3.0
SETTLED_S = 0.5
"""A process seen in a cgroup this long stays in it; a wrapper may enter another before its exec."""
_MOST_GROUPS = 16
_ROOT = "/sys/fs/cgroup"
_MACHINE = "/proc/vmstat"
_NAME = b"oom_kill "


class OutOfMemory:
    """Follows the OOM kill counters of the machine and of the run's cgroups.

    The machine's counter (it includes kills by cgroup limits) does not say who died, so only a rise
    just before pytest's end counts. A cgroup's counter covers every kill in that group, whether
    the group or the machine ran out. So where pytest's cgroup is known, only its counter is used.
    """

    def __init__(self) -> None:
        self._first = _kills(_MACHINE)
        self._on_machine: list[_Count] = []
        self._in_group: list[_Count] = []
        """Counts for the cgroup pytest was last seen in, since then."""
        self._where = (0, "")
        self._since = self._seen = 0.0
        self._groups: dict[str, int] = {}

    def follow(self, now: float, pid: int) -> None:
        """Note pytest's cgroup. Call in every turn while pytest lives."""
        path = _group_file(pid)
        # An exiting process appears to be in the root cgroup, whose counter covers far more.
        if not path or "//" in path or (count := _kills(path)) < 0:
            return
        if self._where != (pid, path):
            self._where, self._since = (pid, path), now
            self._in_group = [_Count(now, count)]
            self._groups.setdefault(path, count)
        self._seen = now

    def sample(self, now: float, pids: Iterable[int]) -> None:
        """Note the counters. Call about once a second."""
        _note(self._on_machine, now, _MACHINE)
        if self._in_group:
            _note(self._in_group, now, self._where[1])
        for pid in pids:
            path = _group_file(pid)
            new = path and path not in self._groups and len(self._groups) < _MOST_GROUPS
            if new and (count := _kills(path)) >= 0:
                self._groups[path] = count

    def just_now(self) -> bool:
        """Return whether a kill explains pytest's end.

        Uses the counter of pytest's cgroup since it entered it; where that is not known, a rise of
        the machine's within the last 3 s.
        """
        in_group = _kills(self._where[1])
        # An empty cgroup, such as a systemd scope, may be gone by now.
        if in_group >= 0 and self._seen - self._since >= SETTLED_S:
            return in_group > self._in_group[0].kills
        before = self._on_machine[0].kills if self._on_machine else self._first
        return _kills(_MACHINE) > before

    def ever(self) -> bool:
        """Return whether the machine's counter rose since the run began."""
        return _kills(_MACHINE) > self._first

    def in_groups(self) -> bool:
        """Return whether the counter of any cgroup the run was seen in has risen since."""
        return any(_kills(path) > n for path, n in self._groups.items())


class _Count(NamedTuple):
    at: float
    kills: int


def _note(counts: list[_Count], now: float, path: str) -> None:
    """Add a count; drop old ones, keeping one that is at least 3 s old as the baseline."""
    counts.append(_Count(now, _kills(path)))
    while len(counts) > 1 and now - counts[1].at >= _RECENT_S:
        counts.pop(0)


def _kills(path: str) -> int:
    """Return the kill count in one of the kernel's files; -1 when there is none."""
    try:
        with open(path, "rb") as file:
            data = b"\n" + file.read()
    except OSError:
        return -1
    _, found, rest = data.partition(b"\n" + _NAME)
    return int(rest.split(b"\n", 1)[0]) if found else -1


def _group_file(pid: int) -> str:
    """Return the file with the kill counter of a process's cgroup; empty where there is none."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if "memory" in controllers.split(","):
            return f"{_ROOT}/memory{group}/memory.oom_control"
        if not controllers and len(lines) == 1:
            return f"{_ROOT}{group}/memory.events"
    return ""
