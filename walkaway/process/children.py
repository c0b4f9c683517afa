"""Starting children: pytest itself, and helpers whose answer comes through a pipe."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""What is ignored stays so through exec: not what a command expects."""


class Exit(NamedTuple):
    """How a process ended: exit code or signal; both None when that was not observed."""

    code: int | None = None
    signal: int | None = None


class SpawnError(Exception):
    """A command could not be executed; the text says why."""


def spawn(
    argv: Sequence[str], environ: Mapping[str, str], cwd: str, out_fd: int, in_fd: int | None = None
) -> int:
    """Start a command in a session of its own, both outputs into ``out_fd``. Returns its PID.

    `SpawnError` when it cannot be executed.
    """
    ready, report = os.pipe()
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


class Tells(NamedTuple):
    """A function that answers line by line."""

    function: Callable[[Callable[[bytes], None]], None]


class Helper:
    """A child that answers in bytes: a function run in a fork, or a command.

    Its memory is its own, and its death loses nothing but the answer. With ``log_fd`` what it
    prints goes there, and a function may answer line by line by the `tell` that it is given.
    """

    def __init__(
        self,
        work: Callable[[], bytes] | Sequence[str] | Tells,
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
                if isinstance(work, Tells):
                    work.function(lambda line: _write_all(write, line + b"\n"))
                elif callable(work):
                    _write_all(write, work())
                else:
                    os.dup2(write, 1)
                    os.execv(work[0], list(work))  # noqa: S606 - no shell is the point
            except BaseException:  # noqa: BLE001 - it goes to supervisor.log, and then we are gone
                import traceback

                traceback.print_exc()
                os._exit(1)
            finally:
                os._exit(0)
        os.close(write)

    def end(self) -> None:
        """Give the answer up; what the child started goes with it."""
        if not self.done:
            self.done = True
            os.close(self.fd)
            self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Signal the child and what it started. Before it is reaped: the PID is still ours."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid, number)  # it leads its session
        with contextlib.suppress(OSError):
            os.kill(self.pid, number)  # before it got there

    def read(self) -> bool:
        """Take what is in the pipe (call when readable). True once the answer is whole."""
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
    signal.set_wakeup_fd(-1)
    for number in (*_HANDLED, *_IGNORED_BY_PYTHON):
        signal.signal(number, signal.SIG_DFL)
