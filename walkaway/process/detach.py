"""Start the supervisor detached, so that killing the starter does not kill it.

Double fork, new session, stdin from /dev/null, no inherited descriptor except the lock. Background
shells, `nohup`, `setsid` and Invoke's `disown` each die when a group, session or process tree is
killed (measured); a supervisor started this way survives all three.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

SUPERVISOR = Path(__file__).resolve().parent.parent / "supervisor" / "__main__.py"
_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKE_TERMOUT", "MAKE_TERMERR")
_CONSUMED = (*_MAKE, "WALKAWAY_ARGS", "WALKAWAY_OPTS", "PYTEST_TIMEOUT")
"""Variables that must not reach pytest: the jobserver of a make that is gone, our own input, and
PYTEST_TIMEOUT, the limit of the whole run, which pytest-timeout would apply to each test."""


def supervisor(record: Path, cwd: Path, lock_fd: int) -> None:
    """Start the supervisor for a record; return once it has been exec'd.

    ``lock_fd`` is the descriptor that holds the record's supervisor.lock. The supervisor inherits
    it; the caller still has to close its own. -1: the supervisor adopts the run. Raises `OSError`
    when exec fails.
    """
    detached(SUPERVISOR, record, record / "supervisor.log", cwd, lock_fd)


def detached(program: Path, record: Path, log: Path, cwd: Path, lock_fd: int) -> None:
    """Start one of our own programs, as `PROGRAM RECORD LOCK_FD`, so that it outlives us.

    Its output goes to ``log``. Returns once it has been exec'd; raises `OSError` when that fails.
    """
    argv = [sys.executable, "-I", "-S", str(program), str(record), str(lock_fd)]
    environ = {k: v for k, v in os.environ.items() if k not in _CONSUMED}
    ready, report = os.pipe()  # close-on-exec: end of file means that exec succeeded
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                _become(argv, environ, str(log), str(cwd), lock_fd, report)
        finally:
            os._exit(0)
    os.close(report)
    try:
        os.waitpid(child, 0)
        with os.fdopen(ready, "rb") as pipe:
            failure = pipe.read()
    except BaseException:
        os.close(ready)
        raise
    if failure:
        raise OSError(int(failure), os.strerror(int(failure)), sys.executable)


def _become(  # noqa: PLR0913, PLR0917 - all of it is made before the fork
    argv: list[str], environ: dict[str, str], log: str, cwd: str, lock_fd: int, report: int
) -> None:
    """Drop everything inherited and exec the program; runs in the grandchild, never returns."""
    try:
        # Its own session, so the starter's terminal cannot reach it.
        os.setsid()
        os.chdir(cwd)
        null = os.open(os.devnull, os.O_RDWR)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for target, source in ((0, null), (1, out), (2, out)):
            os.dup2(source, target)
        keep = sorted({fd for fd in (lock_fd, report) if fd >= 0})
        low = 3
        for fd in keep:
            os.closerange(low, fd)
            low = fd + 1
        os.closerange(low, max(low, os.sysconf("SC_OPEN_MAX")))
        if lock_fd >= 0:
            os.set_inheritable(lock_fd, True)  # noqa: FBT003 - os takes it so
        os.execve(argv[0], argv, environ)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(report, str(error.errno or 1).encode())
    finally:
        os._exit(1)
