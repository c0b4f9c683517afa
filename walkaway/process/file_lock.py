"""Take flock locks and probe whether one is held. Light: the supervisor imports it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum


class Hold(Enum):
    """The result of a probe."""

    HELD = "held"
    FREE = "free"
    ABSENT = "absent"
    ELSEWHERE = "elsewhere"
    """The file is not the one that was locked (a copy, an overlay, a FUSE view), or flock fails."""


def acquire(path: str) -> int | None:
    """Take an exclusive lock without waiting; return its descriptor, or None if it is held."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


def probe(path: str, identity: tuple[int, int] | None = None) -> Hold:
    """Check whether a lock is held. The probe is shared: exclusive probes would see each other.

    ``identity`` is the (device, inode) of the file that was locked. FUSE and overlay views show
    another device and never honour the lock (measured), so FREE would be wrong there.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return Hold.ABSENT
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Hold.HELD
    except OSError:
        return Hold.ELSEWHERE
    else:
        status = os.fstat(fd)
        if identity is not None and (status.st_dev, status.st_ino) != identity:
            return Hold.ELSEWHERE
        return Hold.FREE
    finally:
        os.close(fd)


@contextmanager
def exclusive(path: str, wait_s: float) -> Iterator[None]:
    """Hold an exclusive lock. Raises `TimeoutError` if it stays taken for ``wait_s``."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(path) from None
                time.sleep(0.005)
        yield
    finally:
        os.close(fd)
