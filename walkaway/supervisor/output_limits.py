"""Limits on a run's output: the log's size, pytest's capture files, and free disk space."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from walkaway.model.run import Limits
from walkaway.process import kernel

_BLOCK = 512
"""The unit of `st_blocks`, whatever the file system's block size (stat(2))."""
_PUNCH_STEP = 16 * 1024 * 1024
_PAGE = 4096
_OWN_SHARE = 4
"""A run is to blame for a full disk when it wrote more than this many times the floor."""


class Output:
    """Watches the output of one run. Sizes are in bytes."""

    def __init__(self, log_fd: int, limits: Limits, folder: str) -> None:
        self._log_fd = log_fd
        self._folder = folder
        self._head = limits.log_head_bytes
        self._tail = limits.log_tail_bytes
        self._most = limits.output_bytes
        self._capture = limits.capture_bytes
        self._floor = limits.disk_floor_bytes
        self._punched = self._head
        self._captured = 0

    def check(self, pids: Iterable[int]) -> tuple[str, str] | None:
        """Return the limit that was reached (`output` or `disk`) and a message, or None."""
        log = os.fstat(self._log_fd)
        self._give_back(log.st_size)
        if self._most and log.st_size > self._most:
            return "output", f"the log reached {size(log.st_size)} (limit {size(self._most)})"
        self._captured = 0
        for pid in pids:
            captured = self._captured_by(pid, (log.st_dev, log.st_ino))
            self._captured += captured
            if self._capture and captured > self._capture:
                return "output", (
                    f"one test printed {size(captured)} into pytest's capture file "
                    f"(limit {size(self._capture)})"
                )
        return self._disk(log.st_blocks * _BLOCK)

    def _give_back(self, length: int) -> None:
        """Punch a hole in the middle of a huge log; head and tail stay, `tail -f` and grep work.

        The writer appends and does not notice. RLIMIT_FSIZE would cut the log's end instead.
        """
        # Whole pages only: a hole frees whole blocks and merely zeroes parts of one.
        until = (length - self._tail) // _PAGE * _PAGE
        start = -(-self._punched // _PAGE) * _PAGE
        if until - start >= _PUNCH_STEP and kernel.punch(self._log_fd, start, until - start):
            self._punched = until

    def _captured_by(self, pid: int, log: tuple[int, int]) -> int:
        """Return the size of the largest unlinked file behind a process's stdout and stderr.

        pytest captures output in such files.
        """
        largest = 0
        for number in (1, 2):
            try:
                status = os.stat(f"/proc/{pid}/fd/{number}")
            except OSError:
                continue
            nameless = stat.S_ISREG(status.st_mode) and status.st_nlink == 0
            if nameless and (status.st_dev, status.st_ino) != log:
                largest = max(largest, status.st_size)
        return largest

    def _disk(self, logged: int) -> tuple[str, str] | None:
        if not self._floor:
            return None
        try:
            space = os.statvfs(self._folder)
        except OSError:
            return None
        free = space.f_bavail * space.f_frsize
        own = logged + self._captured
        if free < self._floor and own > _OWN_SHARE * self._floor:
            return "disk", f"{size(free)} of disk left, {size(own)} written by this run"
        return None


def size(count: int) -> str:
    """Format a number of bytes for people: `1.5 GB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1024:  # noqa: PLR2004 - binary units
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GB"
