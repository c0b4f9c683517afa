"""File descriptors that survive a test that closes them all or limits the size of files.

Knows the operating system; must not know what is written.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from typing import Callable

from walkaway_recorder.originals import System, keep_builtins

keep_builtins(globals())

#: Our descriptors are moved up here if the limit allows. Tests that close or count the
#: low ones then neither hit ours nor get a number that we still write to.
_HIGH_FD = 800
_APPEND = os.O_RDWR | os.O_APPEND


def open_high(path: str, flags: int = _APPEND | os.O_CREAT) -> int:
    """Open `path` close-on-exec, at a high descriptor number if possible."""
    fd = System.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        high: int = System.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
    except OSError:  # RLIMIT_NOFILE is lower
        return fd
    System.close(fd)
    return high


class ReopenedFile:
    """One open file, reopened by its path when its descriptor is gone.

    If another file has taken the descriptor number, it is neither written to nor closed.
    """

    __slots__ = ("_flags", "_identity", "_path", "fd")

    def __init__(self, path: str, flags: int = _APPEND | os.O_CREAT) -> None:
        self._path = os.path.abspath(path)
        self._flags = flags & ~os.O_CREAT
        self.fd = open_high(path, flags)
        self._identity = self._who(self.fd)

    def ours(self) -> bool:
        """Return whether the descriptor is still open on our file."""
        try:
            return self._who(self.fd) == self._identity
        except OSError:
            return False

    def reopen(self) -> bool:
        """Open the same file again; False when it no longer exists, or after `close`."""
        if self.fd < 0:
            return False
        try:
            fd = open_high(self._path, self._flags)
        except OSError:
            return False
        if self._who(fd) != self._identity:
            System.close(fd)
            return False
        self.fd = fd
        return True

    def close(self) -> None:
        """Close it for good (in a forked child), unless another file has the number by now."""
        ours, fd, self.fd = self.fd >= 0 and self.ours(), self.fd, -1
        if ours:
            System.close(fd)

    @staticmethod
    def _who(fd: int) -> tuple[int, int]:
        status = System.fstat(fd)
        return status.st_dev, status.st_ino


def write(fd: int, data: bytes) -> int:
    """Write as much as possible, even if a test has lowered the file size limit; return the bytes.

    Raises `OSError` when nothing can be written.
    """
    try:
        return System.write(fd, data)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
    return as_before(lambda: System.write(fd, data))


def as_before(call: Callable[[], int]) -> int:
    """Call with the file size limit that the run started with, as far as the hard limit allows.

    The tests' own limit is restored afterwards. Raises `OSError` when it is not the cause.
    """
    soft, hard = System.getrlimit(resource.RLIMIT_FSIZE)
    wider = _narrower(_SIZE_LIMIT, hard)
    if wider == soft:
        raise OSError(errno.EFBIG, "file sizes are limited")
    System.setrlimit(resource.RLIMIT_FSIZE, (wider, hard))
    try:
        return call()
    finally:
        System.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def size_limit() -> int | None:
    """Return the hard file size limit that a test has set, in bytes; None when there is none."""
    hard = System.getrlimit(resource.RLIMIT_FSIZE)[1]
    return None if _narrower(_SIZE_LIMIT, hard) == _SIZE_LIMIT else hard


def _narrower(one: int, other: int) -> int:
    limits = [limit for limit in (one, other) if limit != resource.RLIM_INFINITY]
    return min(limits) if limits else resource.RLIM_INFINITY


#: This process's soft file size limit at its start.
_SIZE_LIMIT = System.getrlimit(resource.RLIMIT_FSIZE)[0]
