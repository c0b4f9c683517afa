"""Append-only files that survive a full disk, a kill at any byte, a fork and a closed descriptor.

Knows bytes and descriptors; must not know what the bytes mean.
"""

from __future__ import annotations

import errno
import os
from typing import Callable

from walkaway_recorder.descriptors import Kept, size_limit, write
from walkaway_recorder.originals import System, keep_builtins
from walkaway_recorder.spare import Spare

keep_builtins(globals())

#: No descriptor: in a forked child, which is silent on purpose; of a file that is gone.
_CLOSED, _LOST = -1, -2


class AppendFile:
    """Whole lines, each with one write(2): what was written survives SIGKILL.

    An error drops the line, counts it and raises nothing. The line after a torn
    one starts with a newline, so that readers lose that line only.
    """

    __slots__ = (
        "_at", "_file", "_lseek", "_write", "dropped", "fd", "limit", "limited", "lines",
        "reopened", "size", "spare", "torn",
    )  # fmt: skip

    def __init__(self, file: Kept, lines: int = 0, *, torn: bool = False) -> None:
        self._file = file
        self._write = System.write
        self._lseek = System.lseek
        self.fd = file.fd
        #: Where our descriptor stands. Another file under its number stands somewhere else.
        self._at = System.lseek(file.fd, 0, os.SEEK_END)
        self.lines = lines
        self.torn = torn
        self.dropped = 0
        #: Bytes put since it was opened, dropped ones too.
        self.size = 0
        #: The limit of a file's size that a test has set and we may not lift, in bytes.
        self.limit: int | None = None
        #: Called with the first line that such a limit refused.
        self.limited: Callable[[], None] | None = None
        #: Takes the lines that the file does not.
        self.spare: Spare | None = None
        #: Called after a test closed the descriptor and the file was opened again.
        self.reopened: Callable[[], None] | None = None

    def put(self, line: bytes) -> bool:
        """Append `line` (with its newline); False when it was dropped.

        A test may have closed our descriptor, and another file may have its number since.
        """
        if not self._file.ours() and not self._found():
            return self._dropped(line)
        return self.put_next(line)

    def put_result(self, line: bytes) -> bool:
        """Append `line` as `put` does, for every test: at a quarter of what fstat costs.

        Another file under our number would have to stand at the very byte where ours does.
        """
        try:
            moved = self._lseek(self.fd, 0, os.SEEK_CUR) != self._at
        except OSError:
            moved = True
        if moved and not self._found():
            return self._dropped(line)
        return self.put_next(line)

    def put_next(self, line: bytes) -> bool:
        """Append `line` just after another one: nothing of a test has run in between."""
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
        """Write `line` in the place of the file's last bytes: for the last word on a full disk.

        A file that could not grow ends with a full block, which stays ours when it is cut.
        """
        if self.spare is not None and self.spare.put(line, last=True):
            return True
        try:
            size = System.fstat(self.fd).st_size
            start = max(0, size - len(line) - 1)
            if self.limit is not None and start + len(line) + 1 > self.limit:
                return False  # cut off for nothing: beyond the limit no byte can be written
            System.ftruncate(self.fd, start)
        except OSError:
            return False
        return self._put_slowly(b"\n" + line)

    def _put_anyhow(self, data: bytes, done: int = 0) -> bool:
        try:
            return self._put_slowly(data, done)
        except Exception:  # an error of ours: the line has its other place
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
            # All but its newline is a line that readers take: no other copy of it.
            rest = data[1:] if after_torn else data
            return self._dropped(b"" if done == len(data) - 1 else rest)
        self.torn = False
        self.lines += 1
        return True

    def _step(self, data: bytes) -> int:
        """Write what can be written; 0 when nothing can."""
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
        except Exception:  # an error of ours: the line has its other place
            self.fd = _LOST
            return False

    def _find(self) -> bool:
        """Make sure that the descriptor is ours; else open the file again."""
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
        """Close the descriptor; later lines vanish uncounted."""
        self.spare = None
        self._file.close()
        self.fd = self._file.fd


def open_lines(path: str) -> AppendFile:
    """Open a file of lines to go on after what is there (a second pass appends)."""
    file = Kept(path)
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
