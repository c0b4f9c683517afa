"""The process itself: its lock, its forks, its stacks on request, its output.

Knows the operating system; must not know tests.
"""

from __future__ import annotations

import errno
import faulthandler
import fcntl
import io
import os
import signal
import stat
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Callable, ClassVar, TextIO

from walkaway_recorder.descriptors import ReopenedFile, as_before, open_high, size_limit
from walkaway_recorder.originals import System, keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.guard import Foreign

keep_builtins(globals())

#: Errors of a full disk (no space, no quota, RLIMIT_FSIZE) and of a dying one (EIO).
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_LOCK_TRIES = 100
_LOCK_PAUSE_S = 0.01

_write = io.FileIO.write
_stack_files: list[int] = []


def start_ticks() -> int:
    """Return this process's start time in clock ticks since boot; 0 when unknown."""
    try:
        with open("/proc/self/stat", "rb") as file:
            # Field 22 in proc(5); the command name before the last ')' may contain anything.
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def clock() -> Callable[[], float]:
    """Return the clock for all times in a record, in seconds."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    return time.monotonic


def print_to(log: str) -> None:
    """Point the output at the run's log again after a conftest replaced pytest by a new one.

    That happens while pytest captures: descriptors 1 and 2 are then its unlinked files, and the
    output would be lost. If the log does not exist (as seen from a container) nothing changes.
    """
    for number in (1, 2):
        with suppress(OSError):
            now = os.fstat(number)
            if stat.S_ISREG(now.st_mode) and now.st_nlink == 0:
                fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
                os.dup2(fd, number)
                os.close(fd)


def hold_lock(path: str) -> ReopenedFile:
    """Take the lock that shows pytest is alive, and hold it until the process ends."""
    file = ReopenedFile(path, os.O_RDWR | os.O_CREAT)
    lock(file.fd)
    return file


def lock(fd: int) -> None:
    """Lock a descriptor. Retries, since readers hold a shared lock briefly when they probe."""
    for _ in range(_LOCK_TRIES):
        try:
            System.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            System.sleep(_LOCK_PAUSE_S)
        except OSError:  # no flock on this file system
            break


def after_fork(close: Callable[[], None]) -> None:
    """Call `close` in every forked child, which must neither hold our lock nor write."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=close)


def dump_stacks_on_request(folder: str, worker: str = "-") -> None:
    """Make SIGRTMIN+6 append all threads' stacks to FOLDER/PID.txt.

    The file's first line is written after the handler is set: the signal would kill a process
    without a handler, so only processes with that line are signalled.
    """
    if not hasattr(faulthandler, "register") or not hasattr(signal, "SIGRTMIN"):
        return
    os.makedirs(folder, exist_ok=True)
    fd = open_high(
        os.path.join(folder, f"{os.getpid()}.txt"), os.O_WRONLY | os.O_APPEND | os.O_CREAT
    )
    _stack_files.append(fd)
    faulthandler.register(signal.SIGRTMIN + 6, file=fd, all_threads=True, chain=False)
    # Include the number: a reader with another C library may have another SIGRTMIN.
    number = int(signal.SIGRTMIN) + 6
    os.write(fd, f"{os.getpid()} {start_ticks()} {worker} {number}\n".encode())


class PatientFile(io.FileIO):
    """A file whose writes do not fail on a full disk; what does not fit is lost.

    Otherwise pytest would end with an internal error at the first line its log cannot take.
    """

    #: Called when a file size limit set by a test has cost output.
    limited: ClassVar[Callable[[], None] | None] = None

    def write(self, data: Foreign) -> int:
        """Write, or on a full disk pretend to have written."""
        try:
            return _write(self, data) or 0
        except OSError as error:
            if error.errno not in _FULL:
                raise
            if error.errno == errno.EFBIG:
                with suppress(OSError):
                    return as_before(lambda: _write(self, data) or 0)
                if PatientFile.limited is not None and size_limit() is not None:
                    PatientFile.limited()
            return len(data) if isinstance(data, bytes) else memoryview(data).nbytes


def patient(stream: TextIO | None, fd: int) -> TextIO | None:
    """Return a line-buffered replacement for sys.stdout or sys.stderr if `fd` is a regular file."""
    if stream is None or not stat.S_ISREG(os.fstat(fd).st_mode) or stream.fileno() != fd:
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(PatientFile(fd, "wb", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )


def make_output_patient() -> None:
    """Replace sys.stdout and sys.stderr where they are files."""
    try:
        sys.stdout = patient(sys.stdout, 1)
        sys.stderr = patient(sys.stderr, 2)
    except (OSError, ValueError, AttributeError):
        # Closed, or replaced by another object, which we leave alone.
        return
