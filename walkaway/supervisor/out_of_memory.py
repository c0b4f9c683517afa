"""Whether the kernel killed somebody of the run for want of memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_RECENT_S = 3.0
SETTLED_S = 0.5
"""Seen in a group for as long, a process stays in it: wrappers enter one before they exec."""
_MOST_GROUPS = 16
_ROOT = "/sys/fs/cgroup"
_MACHINE = "/proc/vmstat"
_NAME = b"oom_kill "


class OutOfMemory:
    """Follows the machine's count of such kills, and those of the run's control groups.

    The machine's count (limits of groups are counted in it too) does not say who died: only a rise
    just before pytest's end speaks for it. A group's count speaks for what runs in that group, and
    has every kill there, whoever ran out; so where pytest's group is known it alone is asked.
    """

    def __init__(self) -> None:
        self._first = _kills(_MACHINE)
        self._on_machine: list[_Count] = []
        self._in_group: list[_Count] = []
        """Of the group that pytest was last seen in, since then."""
        self._where = (0, "")
        self._since = self._seen = 0.0
        self._groups: dict[str, int] = {}

    def follow(self, now: float, pid: int) -> None:
        """Note pytest's group; call at every turn while it lives."""
        path = _group_file(pid)
        # Who is exiting seems to be in the root, whose count is not of that one alone.
        if not path or "//" in path or (count := _kills(path)) < 0:
            return
        if self._where != (pid, path):
            self._where, self._since = (pid, path), now
            self._in_group = [_Count(now, count)]
            self._groups.setdefault(path, count)
        self._seen = now

    def sample(self, now: float, pids: Iterable[int]) -> None:
        """Note the counts; call about once a second."""
        _note(self._on_machine, now, _MACHINE)
        if self._in_group:
            _note(self._in_group, now, self._where[1])
        for pid in pids:
            path = _group_file(pid)
            new = path and path not in self._groups and len(self._groups) < _MOST_GROUPS
            if new and (count := _kills(path)) >= 0:
                self._groups[path] = count

    def just_now(self) -> bool:
        """Tell whether the count of pytest's group rose within the last seconds; else all's."""
        in_group = _kills(self._where[1])
        # An empty group may be gone by now, as a scope of systemd's.
        if in_group >= 0 and self._seen - self._since >= SETTLED_S:
            return in_group > self._in_group[0].kills
        before = self._on_machine[0].kills if self._on_machine else self._first
        return _kills(_MACHINE) > before

    def ever(self) -> bool:
        """Tell whether the machine's count rose since the run began."""
        return _kills(_MACHINE) > self._first

    def in_groups(self) -> bool:
        """Tell whether the count of a group that the run was seen in rose since."""
        return any(_kills(path) > n for path, n in self._groups.items())


class _Count(NamedTuple):
    at: float
    kills: int


def _note(counts: list[_Count], now: float, path: str) -> None:
    """Add a count; the first that stays is the last one from before the recent past."""
    counts.append(_Count(now, _kills(path)))
    while len(counts) > 1 and now - counts[1].at >= _RECENT_S:
        counts.pop(0)


def _kills(path: str) -> int:
    """Return the count in one of the kernel's files; -1 when it is not there."""
    try:
        with open(path, "rb") as file:
            data = b"\n" + file.read()
    except OSError:
        return -1
    _, found, rest = data.partition(b"\n" + _NAME)
    return int(rest.split(b"\n", 1)[0]) if found else -1


def _group_file(pid: int) -> str:
    """Return the file that counts a process's group; empty where groups count nothing."""
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
