"""Append-only files that survive a full disk, a kill at any byte and a fork.

Knows bytes and descriptors; must not know what the bytes mean.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import Callable

#: Our descriptors are moved up here when the limit allows: tests that close or
#: count the low ones then neither hit us nor get a number that we still write to.
_HIGH_FD = 800


def to_json(event: dict[str, object]) -> bytes:
    """Return `event` as one line of UTF-8, lone surrogates escaped."""
    try:
        return (json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(event, separators=(",", ":")) + "\n").encode()


def open_kept(path: str, flags: int = os.O_RDWR | os.O_APPEND | os.O_CREAT) -> int:
    """Open `path` close-on-exec, for as long as the process lives."""
    fd = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
    except OSError:  # RLIMIT_NOFILE is lower
        return fd
    os.close(fd)
    return high


class AppendFile:
    """Whole lines, each with one write(2): what was written survives SIGKILL.

    An error drops the line, counts it and raises nothing. The line after a torn
    one starts with a newline, so that readers lose that line only.
    """

    __slots__ = ("_ftruncate", "_write", "dropped", "fd", "lines", "size", "torn")

    def __init__(self, fd: int, lines: int = 0, *, torn: bool = False) -> None:
        # Bound here, not looked up: tests fake os.write and whole file systems.
        self._write: Callable[[int, bytes], int] = os.write
        self._ftruncate = os.ftruncate
        self.fd = fd
        self.lines = lines
        self.torn = torn
        self.dropped = 0
        #: Bytes put since it was opened, dropped ones too.
        self.size = 0

    def put(self, line: bytes) -> bool:
        """Append `line` (with its newline); False when it was dropped."""
        self.size += len(line)
        if self.torn:
            return self._put_slowly(b"\n" + line)
        try:
            done = self._write(self.fd, line)
        except OSError:
            return self._dropped()
        if done != len(line):
            return self._put_slowly(line, done)
        self.lines += 1
        return True

    def put_over(self, line: bytes) -> bool:
        """Write `line` in the place of the file's last bytes: for the last word on a full disk.

        A file that could not grow ends with a full block, which stays ours when it is cut.
        """
        try:
            size = os.fstat(self.fd).st_size
            self._ftruncate(self.fd, max(0, size - len(line) - 1))
        except OSError:
            return False
        return self._put_slowly(b"\n" + line)

    def _put_slowly(self, data: bytes, done: int = 0) -> bool:
        after_torn = self.torn
        while done < len(data):
            try:
                step = self._write(self.fd, data[done:])
            except OSError:
                step = 0
            if step <= 0:
                break
            done += step
        if after_torn and done:
            self.lines += 1
        if done < len(data):
            return self._dropped()
        self.torn = False
        self.lines += 1
        return True

    def _dropped(self) -> bool:
        if self.fd >= 0:  # a forked child has -1: it is silent on purpose
            self.torn = True
            self.dropped += 1
        return False

    def close(self) -> None:
        """Close the descriptor; later lines vanish uncounted."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def open_lines(path: str) -> AppendFile:
    """Open a file of lines to go on after what is there (a second pass appends)."""
    fd = open_kept(path)
    lines = 0
    last = b"\n"
    offset = 0
    while True:
        chunk = os.pread(fd, 1 << 20, offset)
        if not chunk:
            return AppendFile(fd, lines, torn=last != b"\n")
        lines += chunk.count(b"\n")
        last = chunk[-1:]
        offset += len(chunk)
