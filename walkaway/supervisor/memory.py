"""Whether the kernel killed somebody of the run for want of memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_RECENT_S = 3.0
SETTLED_S = 0.5
"""After that a process is in the group that it stays in: wrappers enter one before they exec."""
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
        self._samples: list[_Sample] = []
        self._groups: dict[str, int] = {}
        self._main = 0
        self._since = 0.0
        self._entered = ""
        self._group = ""

    def follow(self, now: float, pid: int) -> None:
        """Note pytest's group; call at every turn while it lives."""
        if pid != self._main:
            self._main, self._since, self._entered, self._group = pid, now, "", ""
        path = _group_file(pid)
        # Who is exiting seems to be in the root, whose count is not of that one alone.
        if path and path != self._entered and "//" not in path and (count := _kills(path)) >= 0:
            self._entered = path
            self._groups.setdefault(path, count)
        if now - self._since >= SETTLED_S:
            self._group = self._entered

    def sample(self, now: float, pids: Iterable[int]) -> None:
        """Note the counts; call about once a second."""
        self._samples = [s for s in self._samples if now - s.at < _RECENT_S][-8:]
        in_group = _kills(self._group) if self._group else 0
        self._samples.append(_Sample(now, _kills(_MACHINE), self._group, in_group))
        for pid in pids:
            path = _group_file(pid)
            new = path and path not in self._groups and len(self._groups) < _MOST_GROUPS
            if new and (count := _kills(path)) >= 0:
                self._groups[path] = count

    def just_now(self) -> bool:
        """Tell whether the count of pytest's group rose within the last seconds; else all's."""
        if self._group:
            known = [s.in_group for s in self._samples if s.group == self._group]
            return _kills(self._group) > (known[0] if known else self._groups[self._group])
        before = self._samples[0].on_machine if self._samples else self._first
        return _kills(_MACHINE) > before

    def ever(self) -> bool:
        """Tell whether the machine's count rose since the run began."""
        return _kills(_MACHINE) > self._first

    def in_groups(self) -> bool:
        """Tell whether the count of a group that the run was seen in rose since."""
        return any(_kills(path) > n for path, n in self._groups.items())


class _Sample(NamedTuple):
    """Counts at a time; of pytest's group, if it is known."""

    at: float
    on_machine: int
    group: str
    in_group: int


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
