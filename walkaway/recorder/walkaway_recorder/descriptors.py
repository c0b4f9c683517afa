"""Descriptors that outlive what a test does to them: it may close all, or limit the size of files.

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

#: Our descriptors are moved up here when the limit allows: tests that close or
#: count the low ones then neither hit us nor get a number that we still write to.
_HIGH_FD = 800
_APPEND = os.O_RDWR | os.O_APPEND


def open_kept(path: str, flags: int = _APPEND | os.O_CREAT) -> int:
    """Open `path` close-on-exec, for as long as the process lives."""
    fd = System.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        high: int = System.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
    except OSError:  # RLIMIT_NOFILE is lower
        return fd
    System.close(fd)
    return high


class Kept:
    """One open file, found again by its path when its descriptor is gone.

    A number that another file has by now is neither written to nor closed.
    """

    __slots__ = ("_flags", "_identity", "_path", "fd")

    def __init__(self, path: str, flags: int = _APPEND | os.O_CREAT) -> None:
        self._path = os.path.abspath(path)
        self._flags = flags & ~os.O_CREAT
        self.fd = open_kept(path, flags)
        self._identity = self._who(self.fd)

    def ours(self) -> bool:
        """Tell whether the descriptor is still open, and on our file."""
        try:
            return self._who(self.fd) == self._identity
        except OSError:
            return False

    def reopen(self) -> bool:
        """Open the same file again; False when it is not there any more, or after `close`."""
        if self.fd < 0:
            return False
        try:
            fd = open_kept(self._path, self._flags)
        except OSError:
            return False
        if self._who(fd) != self._identity:
            System.close(fd)
            return False
        self.fd = fd
        return True

    def close(self) -> None:
        """Close it for good (in a forked child); a number that is no longer ours stays open."""
        ours, fd, self.fd = self.fd >= 0 and self.ours(), self.fd, -1
        if ours:
            System.close(fd)

    @staticmethod
    def _who(fd: int) -> tuple[int, int]:
        status = System.fstat(fd)
        return status.st_dev, status.st_ino


def write(fd: int, data: bytes) -> int:
    """Write as much as can be written, whatever size of files a test allows.

    `OSError` when nothing can be.
    """
    try:
        return System.write(fd, data)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
    return as_before(lambda: System.write(fd, data))


def as_before(call: Callable[[], int]) -> int:
    """Call with the limit of the size of files that the run was started with, as far as we may.

    The tests' own limit is back afterwards. `OSError` when it is not they who limit us.
    """
    soft, hard = System.getrlimit(resource.RLIMIT_FSIZE)
    wider = _narrower(_SIZE_LIMIT, hard)
    if wider == soft:
        raise OSError(errno.EFBIG, "the size of files is limited")
    System.setrlimit(resource.RLIMIT_FSIZE, (wider, hard))
    try:
        return call()
    finally:
        System.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def size_limit() -> int | None:
    """Return the limit of the size of files that a test has set for good, in bytes."""
    hard = System.getrlimit(resource.RLIMIT_FSIZE)[1]
    return None if _narrower(_SIZE_LIMIT, hard) == _SIZE_LIMIT else hard


def _narrower(one: int, other: int) -> int:
    limits = [limit for limit in (one, other) if limit != resource.RLIM_INFINITY]
    return min(limits) if limits else resource.RLIM_INFINITY


#: Of this process, at its start.
_SIZE_LIMIT = System.getrlimit(resource.RLIMIT_FSIZE)[0]
