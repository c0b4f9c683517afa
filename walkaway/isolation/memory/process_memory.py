"""Memory of this process: current, peak, and a limit. Linux only; no effect elsewhere.

`resource.getrusage` only knows the peak of the whole process, which says nothing about one test.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_PAGE_BYTES: Final = resource.getpagesize()
_RESET_PEAK: Final = b"5"
"""Written to /proc/PID/clear_refs to reset the peak resident set size (proc(5), Linux 4.0)."""
_SLACK_BYTES: Final = (64 << 20) + 40 * (8 << 20)
"""Allowance for memory that the kernel's limit counts although it is mapped and not resident:
thread stacks of 8 MB, for as many threads as the usual pools start.
"""


def resident_bytes() -> int:
    """Return the resident memory in bytes, 0 when unknown."""
    fields = _read("/proc/self/statm").split()
    return int(fields[1]) * _PAGE_BYTES if len(fields) > 1 else 0


def reset_peak() -> bool:
    """Reset what `peak_bytes` reports. Return False when this system cannot."""
    try:
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)
    except OSError:
        return False
    try:
        os.write(file, _RESET_PEAK)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def peak_bytes() -> int:
    """Return the highest resident memory since `reset_peak`, in bytes; 0 when unknown."""
    return _status(b"VmHWM:")


@contextmanager
def ceiling(more_bytes: int) -> Iterator[None]:
    """Make allocations far beyond the present size + ``more_bytes`` fail with MemoryError.

    Uses the kernel's limit on private writable memory (RLIMIT_DATA, Linux 4.7). A child started
    meanwhile gets the same limit for itself. Shared and file mappings do not count. The previous
    limit is restored at the end.
    """
    data = _status(b"VmData:")
    before = soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    needed = data + more_bytes + max(_SLACK_BYTES, more_bytes // 4)
    for limit in (soft, hard):
        if limit != resource.RLIM_INFINITY:
            needed = min(needed, limit)
    if not data:
        yield
        return
    resource.setrlimit(resource.RLIMIT_DATA, (needed, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _status(name: bytes) -> int:
    for line in _read("/proc/self/status").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: str) -> bytes:
    with suppress(OSError), open(path, "rb", buffering=0) as file:  # noqa: PTH123 - runs for every test
        return file.read()
    return b""
