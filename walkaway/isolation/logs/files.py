"""Files for log lines. A full disk or an unwritable folder loses lines, but never fails a test.

Knows bytes and descriptors; must not know what the bytes mean.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from walkaway.model import test_key

MB = 1 << 20
_HIGH_FD = 800
"""Lowest descriptor to use: out of the way of tests that count or close the low ones."""
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_CHECK_BYTES = 64 * 1024
_TRIES, _PAUSE_S = 200, 0.005
# Bound at import, because tests fake these functions.
_write, _pread, _stat, _fstat = os.write, os.pread, os.stat, os.fstat
_ftruncate, _getpid, _sleep = os.ftruncate, os.getpid, time.sleep


class AppendFile:
    """A file of whole lines. Each line is one write(2) at the end, so processes never mix them."""

    __slots__ = ("_fd", "_refused", "_torn", "dropped", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = 0
        self._fd = -1
        self._torn = False
        self._refused = False

    def opened(self) -> bool:
        """Open the file when first needed. After one failure it does not try again."""
        if self._fd < 0 and not self._refused:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = _open(str(self.path))
                size = self.size()
                self._torn = size > 0 and _pread(self._fd, 1, size - 1) != b"\n"
            except OSError:
                self._refused = True
        return self._fd >= 0

    def put(self, line: bytes) -> bool:
        """Append a line. Return False when it was lost."""
        if not self.opened():
            self.dropped += 1
            return False
        data = b"\n" + line if self._torn else line
        try:
            done = _write(self._fd, data)
        except OSError:
            done = 0
        if done < len(data):
            self._torn = self._torn or done > 0
            self.dropped += 1
            return False
        self._torn = False
        return True

    def size(self) -> int:
        """Return the size of the open file in bytes. Other processes may write to it too."""
        return _fstat(self._fd).st_size

    def close(self) -> None:
        """Close the file. The next line opens it again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd


class LinesFile:
    """A worker's JSON lines, with an index beside them: one entry each time the test changes.

    Limited in size per test and in total. Processes that a test forks write lines, but no entries.
    """

    __slots__ = (
        "_index", "_index_path", "_most_bytes", "_node", "_pid", "_room", "_test_bytes",
        "lines",
    )  # fmt: skip

    def __init__(self, path: Path, test_bytes: int = 8 * MB, most_bytes: int = 256 * MB) -> None:
        self.lines = AppendFile(path)
        self._index_path = path.with_suffix(".idx")
        self._index = -1
        self._test_bytes, self._most_bytes = test_bytes, most_bytes
        self._pid = _getpid()
        self._node: str | None = None
        self._room = 0

    def put(self, nodeid: str, line: bytes) -> None:
        """Append a line logged during a test, or between tests (empty ``nodeid``)."""
        if nodeid != self._node and not self._begin(nodeid):
            self.lines.dropped += 1
        elif self._room < len(line):
            self._room = 0  # leaves out everything after it, too
            self.lines.dropped += 1
        else:
            self._room -= len(line)
            self.lines.put(line)

    def _begin(self, nodeid: str) -> bool:
        if not self.lines.opened():
            return False
        try:
            size = self.lines.size()
            if _getpid() == self._pid:
                self._enter(nodeid, size)
        except OSError:
            return False  # without an index entry its lines would not be found
        self._node = nodeid
        self._room = min(self._test_bytes, self._most_bytes - size)
        return True

    def _enter(self, nodeid: str, offset: int) -> None:
        if self._index < 0:
            self._index = _open(str(self._index_path))
        size = _fstat(self._index).st_size
        if size % test_key.ENTRY.size:  # torn by a full disk or a kill
            _ftruncate(self._index, size - size % test_key.ENTRY.size)
        _write(self._index, test_key.ENTRY.pack(test_key.mark(nodeid), offset))

    def close(self) -> None:
        """Close both files."""
        self.lines.close()
        fd, self._index = self._index, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)


class TextFile:
    """Text of all workers of all runs. A full file is renamed to `NAME.1`."""

    __slots__ = ("_file", "_most_bytes", "_node", "_patient", "_unchecked")

    def __init__(self, path: Path, most_bytes: int = 10 * MB) -> None:
        self._file = AppendFile(path)
        self._most_bytes = most_bytes
        self._node: str | None = None
        self._unchecked = 0
        self._patient = True

    @property
    def dropped(self) -> int:
        """Number of lines that were lost."""
        return self._file.dropped

    def put(self, nodeid: str, text: bytes) -> None:
        """Append a record's text. Checks the file at each test's first record and every 64 KB."""
        if nodeid != self._node or self._unchecked > _CHECK_BYTES:
            self._node, self._unchecked = nodeid, 0
            with contextlib.suppress(OSError):
                self._look_after()
        self._unchecked += len(text)
        self._file.put(text)

    def _look_after(self) -> None:
        """Reopen a file that somebody else rotated or deleted. Rotate one that is full."""
        if not self._file.opened():
            return
        if not self._is_ours():
            self._file.close()
        elif self._file.size() > self._most_bytes:
            if not self._alone():
                return
            if self._is_ours():
                path = self._file.path
                path.replace(path.with_name(path.name + ".1"))
            self._file.close()

    def _alone(self) -> bool:
        """Take the lock: flock on the file itself. Return whether we have it.

        If another process holds it, wait for that process to rotate the file, since everything
        written meanwhile makes the file larger. Wait in vain only once, because the holder may be
        stopped. Counts tries, not time: a test may have stopped the clock.
        """
        for _ in range(_TRIES if self._patient else 1):
            try:
                fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _sleep(_PAUSE_S)
            else:
                return True
        self._patient = False
        return False

    def _is_ours(self) -> bool:
        try:
            there = _stat(self._file.path)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, _fstat(self._file.fileno()))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _open(path: str) -> int:
    fd = os.open(path, _FLAGS, 0o644)
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
    except OSError:  # RLIMIT_NOFILE is lower
        return fd
    os.close(fd)
    return high
