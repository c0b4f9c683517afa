"""Room for lines that their file cannot take any more: a full disk, or a test that limits files.

RLIMIT_FSIZE holds for every write to a file, ours included, and nobody but root lifts a hard one.
It does not hold for memory that is mapped from a file; so that file is made, and its space taken,
before the first test runs. Knows bytes; must not know what they mean.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress

from walkaway_recorder.originals import System, keep_builtins

keep_builtins(globals())

_BYTES = 256 * 1024
_LAST_BYTES = 8 * 1024


class Spare:
    """A file of lines, filled up with zeros; what was put survives SIGKILL."""

    __slots__ = ("_map", "_path", "_used")

    def __init__(self, path: str) -> None:
        """Take the space on disk. `OSError` where that cannot be done."""
        self._path = os.path.abspath(path)
        fd = System.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.posix_fallocate(fd, 0, _BYTES)
            self._map = mmap.mmap(fd, _BYTES)
        except BaseException:
            System.unlink(path)
            raise
        finally:
            System.close(fd)
        #: What an earlier pass has put there stays.
        self._used = len(self._map[:].rstrip(b"\0"))

    def put(self, line: bytes, *, last: bool = False) -> bool:
        """Add a line; False when there is no room left. Some is kept for the last one."""
        end = self._used + len(line)
        if end > (_BYTES if last else _BYTES - _LAST_BYTES):
            return False
        self._map[self._used : end] = line
        self._used = end
        return True

    def remove_unused(self) -> None:
        """Give the space back at the end of a run that did not need it."""
        if not self._used:
            with suppress(OSError):  # gone with the record
                System.unlink(self._path)
