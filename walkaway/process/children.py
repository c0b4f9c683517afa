"""Start child processes: pytest itself, and helpers that answer through a pipe."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Python ignores these signals, and exec keeps that; commands expect the default action."""


class Exit(NamedTuple):
    """How a process ended: by exit code or signal; both None when nobody observed it."""

    code: int | None = None
    signal: int | None = None


class SpawnError(Exception):
    """A command could not be executed; the message says why."""


def spawn(
    argv: Sequence[str], environ: Mapping[str, str], cwd: str, out_fd: int, in_fd: int | None = None
) -> int:
    """Start a command in its own session, with stdout and stderr to ``out_fd``; return its PID.

    stdin comes from ``in_fd``, else from /dev/null. Raises `SpawnError` when it cannot be executed.
    """
    ready, report = os.pipe()  # close-on-exec: end of file means that exec succeeded
    pid = os.fork()
    if pid == 0:
        try:
            _default_signals()
            os.setsid()
            try:
                os.chdir(cwd)
            except OSError as error:
                os.write(report, f"{cwd}: {error.strerror}".encode(errors="replace"))
                os._exit(127)
            os.dup2(in_fd if in_fd is not None else os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out_fd, 1)
            os.dup2(out_fd, 2)
            os.execvpe(argv[0], list(argv), dict(environ))  # noqa: S606 - no shell is the point
        except OSError as error:
            os.write(report, f"{argv[0]}: {error.strerror}".encode(errors="replace"))
        finally:
            os._exit(127)
    os.close(report)
    with os.fdopen(ready, "rb") as pipe:
        failure = pipe.read().decode(errors="replace")
    if failure:
        os.waitpid(pid, 0)
        raise SpawnError(failure)
    return pid


class LineByLine(NamedTuple):
    """Marks a helper function that answers line by line, through the callable it is given."""

    function: Callable[[Callable[[bytes], None]], None]


class Helper:
    """A child process that answers in bytes: a forked function, or a command.

    It has its own memory, and if it dies only the answer is lost. ``close``: descriptors that the
    child must not keep open. With ``log_fd``, whatever a function prints goes there.
    """

    def __init__(
        self,
        work: Callable[[], bytes] | Sequence[str] | LineByLine,
        close: Sequence[int] = (),
        *,
        log_fd: int | None = None,
    ) -> None:
        self.answer = b""
        self.done = False
        self.fd, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _default_signals()
                os.setsid()
                for fd in close:
                    os.close(fd)
                if log_fd is not None:
                    os.dup2(log_fd, 1)
                    os.dup2(log_fd, 2)
                if isinstance(work, LineByLine):
                    work.function(lambda line: _write_all(write, line + b"\n"))
                elif callable(work):
                    _write_all(write, work())
                else:
                    os.dup2(write, 1)
                    os.execv(work[0], list(work))  # noqa: S606 - no shell is the point
            except BaseException:  # noqa: BLE001 - the traceback goes to supervisor.log; then exit
                import traceback

                traceback.print_exc()
                os._exit(1)
            finally:
                os._exit(0)
        os.close(write)

    def end(self) -> None:
        """Discard the answer; kill the child and its process group."""
        if not self.done:
            self.done = True
            os.close(self.fd)
            self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Signal the child and its process group. Call before reaping: the PID is still ours."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid, number)  # it leads its session
        with contextlib.suppress(OSError):
            os.kill(self.pid, number)  # in case it has not called setsid yet

    def read(self) -> bool:
        """Read from the pipe (call when readable); return True once the answer is complete."""
        data = os.read(self.fd, 1 << 16)
        self.answer += data
        if not data:
            self.done = True
            os.close(self.fd)
        return self.done


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _default_signals() -> None:
    # The wakeup pipe belongs to the supervisor: a signal to the child must not wake it.
    signal.set_wakeup_fd(-1)
    for number in (*_HANDLED, *_IGNORED_BY_PYTHON):
        signal.signal(number, signal.SIG_DFL)
