"""Whether the kernel killed somebody of the run for want of memory."""

from __future__ import annotations

from collections.abc import Iterable

_RECENT_S = 3.0
_MOST_GROUPS = 16
_ROOT = "/sys/fs/cgroup"


class OutOfMemory:
    """Follows the machine's count of such kills, and those of the run's control groups.

    The machine's count (limits of groups are counted in it too) does not say who died: only a rise
    just before pytest's end speaks for it. A group's count speaks for what runs in that group.
    """

    def __init__(self) -> None:
        self._first = _kills()
        self._samples: list[tuple[float, int]] = []
        self._groups: dict[str, int] = {}

    def sample(self, now: float, pids: Iterable[int]) -> None:
        """Note the counts; call about once a second."""
        self._samples = [s for s in self._samples if now - s[0] < _RECENT_S][-8:]
        self._samples.append((now, _kills()))
        for pid in pids:
            path = _group_file(pid)
            if path and path not in self._groups and len(self._groups) < _MOST_GROUPS:
                self._groups[path] = _count(path, b"oom_kill ")

    def just_now(self) -> bool:
        """Tell whether the machine's count rose within the last seconds."""
        before = self._samples[0][1] if self._samples else self._first
        return _kills() > before

    def ever(self) -> bool:
        """Tell whether the machine's count rose since the run began."""
        return _kills() > self._first

    def in_groups(self) -> bool:
        """Tell whether the count of a group that the run was seen in rose since."""
        return any(_count(path, b"oom_kill ") > n for path, n in self._groups.items())


def _kills() -> int:
    return _count("/proc/vmstat", b"oom_kill ")


def _count(path: str, name: bytes) -> int:
    """Return the number after ``name`` at the beginning of a line; 0 when it is not there."""
    try:
        with open(path, "rb") as file:
            data = b"\n" + file.read()
    except OSError:
        return 0
    _, found, rest = data.partition(b"\n" + name)
    return int(rest.split(b"\n", 1)[0]) if found else 0


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
