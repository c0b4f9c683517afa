"""Linux calls that Python lacks: child subreaper, and reserving and freeing disk space.

Best effort: each call returns False where the kernel or the file system does not support it.
"""

from __future__ import annotations

import ctypes
import sys

_PR_SET_CHILD_SUBREAPER = 36
_FALLOC_KEEP_SIZE = 0x01
_FALLOC_PUNCH_HOLE = 0x02
_LINUX = sys.platform == "linux"


def become_subreaper() -> bool:
    """Make orphaned descendants our children, so that none escapes our view."""
    if not _LINUX:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def reserve(fd: int, offset: int, size_bytes: int) -> bool:
    """Reserve space beyond a file's end without changing its size: writable on a full disk."""
    return _fallocate(fd, _FALLOC_KEEP_SIZE, offset, size_bytes)


def punch(fd: int, offset: int, size_bytes: int) -> bool:
    """Free the space of part of a file; that part then reads as zeros."""
    return _fallocate(fd, _FALLOC_KEEP_SIZE | _FALLOC_PUNCH_HOLE, offset, size_bytes)


def _fallocate(fd: int, mode: int, offset: int, size_bytes: int) -> bool:
    if not _LINUX or size_bytes <= 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "fallocate64", None) or libc.fallocate
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(call(fd, mode, offset, size_bytes) == 0)
