"""Spare room for lines that their file can no longer take: on a full disk, or at a size limit.

RLIMIT_FSIZE applies to every write to a file, ours included, and only root can raise a hard limit.
It does not apply to memory mapped from a file. So this file is created, and its space allocated,
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
    """A memory-mapped file of lines, padded with zeros; added lines survive SIGKILL."""

    __slots__ = ("_map", "_path", "_used")

    def __init__(self, path: str) -> None:
        """Allocate 256 KB on disk. Raises `OSError` when that is not possible."""
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
        #: Lines from an earlier pass stay.
        self._used = len(self._map[:].rstrip(b"\0"))

    def put(self, line: bytes, *, last: bool = False) -> bool:
        """Add a line; False when there is no room. 8 KB are kept for the `last` line."""
        end = self._used + len(line)
        if end > (_BYTES if last else _BYTES - _LAST_BYTES):
            return False
        self._map[self._used : end] = line
        self._used = end
        return True

    def remove_unused(self) -> None:
        """Delete the file at the end of a run that did not need it."""
        if not self._used:
            with suppress(OSError):  # gone with the record
                System.unlink(self._path)
