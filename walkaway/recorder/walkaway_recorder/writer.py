"""Append-only files that survive a full disk, a kill at any byte, a fork and a closed descriptor.

Knows bytes and descriptors; must not know what the bytes mean.
"""

from __future__ import annotations

import errno
import os
from typing import Callable

from walkaway_recorder.descriptors import ReopenedFile, size_limit, write
from walkaway_recorder.originals import System, keep_builtins
from walkaway_recorder.spare import Spare

keep_builtins(globals())

#: Values of `fd` without a descriptor: closed on purpose in a forked child; file lost.
_CLOSED, _LOST = -1, -2


class AppendFile:
    """Appends whole lines, each with one write(2), so written lines survive SIGKILL.

    An error drops the line and counts it but raises nothing. The line after a torn one
    starts with a newline, so readers lose only the torn line.
    """

    __slots__ = (
        "_at", "_file", "_lseek", "_write", "dropped", "fd", "limit", "limited", "lines",
        "reopened", "size", "spare", "torn",
    )  # fmt: skip

    def __init__(self, file: ReopenedFile, lines: int = 0, *, torn: bool = False) -> None:
        self._file = file
        self._write = System.write
        self._lseek = System.lseek
        self.fd = file.fd
        #: Our descriptor's file position. Another file under its number has a different one.
        self._at = System.lseek(file.fd, 0, os.SEEK_END)
        self.lines = lines
        self.torn = torn
        self.dropped = 0
        #: Bytes put since it was opened, including dropped ones.
        self.size = 0
        #: A file size limit that a test has set and we cannot raise, in bytes.
        self.limit: int | None = None
        #: Called when such a limit first refuses a line.
        self.limited: Callable[[], None] | None = None
        #: Takes the lines that the file cannot take.
        self.spare: Spare | None = None
        #: Called after a test closed the descriptor and the file was opened again.
        self.reopened: Callable[[], None] | None = None

    def put(self, line: bytes) -> bool:
        """Append `line`, which includes its newline; False when it was dropped.

        Checks with fstat that a test has not closed our descriptor or reused its number.
        """
        if not self._file.ours() and not self._found():
            return self._dropped(line)
        return self.put_next(line)

    def put_result(self, line: bytes) -> bool:
        """Append `line` as `put` does, but check the descriptor by its position only.

        Called for every test: lseek costs a quarter of fstat (0.7 µs, not 2.6). Another file
        under our number would have to be at the very same position to go unnoticed.
        """
        try:
            moved = self._lseek(self.fd, 0, os.SEEK_CUR) != self._at
        except OSError:
            moved = True
        if moved and not self._found():
            return self._dropped(line)
        return self.put_next(line)

    def put_next(self, line: bytes) -> bool:
        """Append `line` without a check; no test code has run since the last one."""
        self.size += len(line)
        if self.torn:
            return self._put_anyhow(b"\n" + line)
        try:
            done = self._write(self.fd, line)
        except OSError:
            done = 0
        self._at += done
        if done != len(line):
            return self._put_anyhow(line, done)
        self.lines += 1
        return True

    def put_over(self, line: bytes) -> bool:
        """Write `line` over the file's last bytes: for the end event on a full disk.

        A file that could not grow ends with a full block, which remains ours after truncation.
        """
        if self.spare is not None and self.spare.put(line, last=True):
            return True
        try:
            size = System.fstat(self.fd).st_size
            start = max(0, size - len(line) - 1)
            if self.limit is not None and start + len(line) + 1 > self.limit:
                return False  # truncating would not help: nothing can be written past the limit
            System.ftruncate(self.fd, start)
        except OSError:
            return False
        return self._put_slowly(b"\n" + line)

    def _put_anyhow(self, data: bytes, done: int = 0) -> bool:
        try:
            return self._put_slowly(data, done)
        except Exception:  # an error of ours: try the spare file
            return self._dropped(data.lstrip(b"\n"))

    def _put_slowly(self, data: bytes, done: int = 0) -> bool:
        after_torn = self.torn
        while done < len(data):
            step = self._step(data[done:])
            if step <= 0:
                break
            done += step
        self._stand()
        if after_torn and done:
            self.lines += 1
        if done < len(data):
            # If only the newline is missing readers accept the line: do not store a copy.
            rest = data[1:] if after_torn else data
            return self._dropped(b"" if done == len(data) - 1 else rest)
        self.torn = False
        self.lines += 1
        return True

    def _step(self, data: bytes) -> int:
        """Write as much as possible; return the bytes written, 0 when that fails."""
        try:
            return write(self.fd, data)
        except OSError as error:
            if error.errno == errno.EFBIG:
                self._beyond_limit()
            if error.errno != errno.EBADF or not self._find():
                return 0
        try:
            return write(self.fd, data)
        except OSError:
            return 0

    def _found(self) -> bool:
        try:
            return self._find()
        except Exception:  # an error of ours: the line goes to the spare file
            self.fd = _LOST
            return False

    def _find(self) -> bool:
        """Make sure that the descriptor is ours, else reopen the file; False when that fails."""
        if self._file.ours():
            self._stand()
            return True
        if not self._file.reopen():
            self.fd = _CLOSED if self._file.fd < 0 else _LOST
            return False
        self.fd = self._file.fd
        self._stand()
        if self.reopened is not None:
            self.reopened()
        return True

    def _stand(self) -> None:
        try:
            self._at = self._lseek(self.fd, 0, os.SEEK_END)
        except OSError:
            self._at = -1

    def _beyond_limit(self) -> None:
        before, self.limit = self.limit, size_limit()
        if before is None and self.limit is not None and self.limited is not None:
            self.limited()

    def _dropped(self, line: bytes) -> bool:
        if self.fd == _CLOSED:
            return False
        self.torn = True
        if self.spare is not None and (not line or self.spare.put(line)):
            return True
        self.dropped += 1
        return False

    def close(self) -> None:
        """Close the descriptor; later lines are dropped without being counted."""
        self.spare = None
        self._file.close()
        self.fd = self._file.fd


def open_lines(path: str) -> AppendFile:
    """Open a file of lines for appending; a second pass continues the first one's."""
    file = ReopenedFile(path)
    lines = 0
    last = b"\n"
    offset = 0
    while True:
        chunk = System.pread(file.fd, 1 << 20, offset)
        if not chunk:
            return AppendFile(file, lines, torn=last != b"\n")
        lines += chunk.count(b"\n")
        last = chunk[-1:]
        offset += len(chunk)
