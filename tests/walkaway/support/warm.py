"""Pythons forked from one that has imported pytest and Invoke: a tenth of a start from nothing.

A module is run as `python -m` runs it, in a process of its own, with its own working directory,
environment and files. What a process gets from its start alone (hash seed, encoding, flags, limits,
a controlling terminal) is that of the first: who needs another one starts Python itself.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import subprocess
import sys
import threading
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TextIO

from tests.walkaway.support import warm_child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.context import ForkServerContext, ForkServerProcess

_PYTHON = (sys.executable, "-m")
_MODULES = ("pytest", "invoke", "walkaway")
_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC")
_FOLLOWED = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED"}
"""What Python reads when it starts, but a forked one can still be given."""


def suits(env: Mapping[str, str]) -> bool:
    """Tell whether a forked process can have an environment: Python's own settings are the same."""
    return _settings(env) == _settings(os.environ)


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    read = {name: value for name, value in env.items() if name.startswith(_READ_AT_START)}
    return {name: value for name, value in read.items() if name not in _FOLLOWED}


class Process:
    """A running module, as far as `subprocess.Popen` is needed here."""

    def __init__(self, process: ForkServerProcess, args: Sequence[str]) -> None:
        self._process = process
        self.args = list(args)
        assert process.pid is not None
        self.pid: int = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal's number; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Read:
    """A process whose output is read while it runs, as far as `subprocess.Popen` is needed here."""

    def __init__(
        self,
        process: Process | subprocess.Popen[bytes],
        stdout: TextIO | None,
        stderr: TextIO | None,
    ) -> None:
        self._process = process
        self.pid = process.pid
        self.stdout = stdout
        self.stderr = stderr

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. `subprocess.TimeoutExpired`."""
        return self._process.wait(timeout)

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return the rest of output and errors, when all who have them are gone."""
        streams = [stream for stream in (self.stdout, self.stderr) if stream]
        found: dict[TextIO, str] = {}
        readers = [
            threading.Thread(target=_keep, args=(stream, found), daemon=True) for stream in streams
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                self.stdout = self.stderr = None  # a stream that is being read cannot be closed
                raise subprocess.TimeoutExpired(self._process.args, timeout or 0)
        self.wait(timeout)
        self._close()
        out, err = (found[one] if one else "" for one in (self.stdout, self.stderr))
        return out, err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self.wait()

    def _close(self) -> None:
        for stream in (self.stdout, self.stderr):
            if stream:
                stream.close()


def _keep(stream: TextIO, found: dict[TextIO, str]) -> None:
    found[stream] = stream.read()


def read(  # noqa: PLR0913 - what a process can be given
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: IO[Any] | None = None,
    errors: str = "strict",
    together: bool = False,
    session: bool = False,
    cold: bool = False,
) -> Read:
    """Start a program as `popen` does, its output (unless it has a place) and errors in pipes.

    With `together`, its errors are in the output.
    """
    with _pipe(errors) as (out, out_end), _pipe(errors) as (err, err_end):
        ends = (stdout or out_end, out_end if together else err_end)
        process = popen(
            argv, cwd=cwd, env=env, stdout=ends[0], stderr=ends[1], session=session, cold=cold
        )
    if stdout:
        out.close()
    return Read(process, None if stdout else out, err)


@contextlib.contextmanager
def _pipe(errors: str) -> Iterator[tuple[TextIO, int]]:
    """Make a pipe whose writing end is gone from here afterwards."""
    reader, writer = os.pipe()
    try:
        yield os.fdopen(reader, encoding="utf-8", errors=errors), writer
    finally:
        os.close(writer)


def popen(  # noqa: PLR0913 - what a process can be given
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: int | IO[Any],
    stderr: int | IO[Any],
    cold: bool = False,
    session: bool = False,
) -> Process | subprocess.Popen[bytes]:
    """Start a program, its standard input empty; a `python -m pytest` or the like is forked.

    With `cold` nothing is: the process is then what its start made it in all respects.
    With `session` it leads a session of its own.
    """
    words = [os.fspath(word) for word in argv]
    if cold or tuple(words[:2]) != _PYTHON or words[2] not in _MODULES or not suits(env):
        return subprocess.Popen(
            words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            start_new_session=session,
        )  # fmt: skip
    sys.audit("subprocess.Popen", words[0], words, os.fspath(cwd), None)  # like any other start
    with Path(os.devnull).open("rb") as empty:
        files = [one if isinstance(one, int) else one.fileno() for one in (empty, stdout, stderr)]
        process = _server().Process(
            target=warm_child.run,
            args=(words[2:], os.fspath(cwd), dict(env), [_Sent(fd) for fd in files], session),
        )
        process.start()
    return Process(process, words)


def run(  # noqa: PLR0913 - what a process can be given
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    errors: str = "strict",
    together: bool = False,
    cold: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a program as `popen` does, and return what it printed. `subprocess.TimeoutExpired`.

    With `together`, its errors are in the output as well.
    """
    with read(argv, cwd=cwd, env=env, errors=errors, together=together, cold=cold) as process:
        try:
            printed = process.communicate(timeout)
        except BaseException:
            process.kill()
            raise
        code = process.wait()
    return subprocess.CompletedProcess(list(argv), code, *printed)


class _Sent:
    """A descriptor on its way to the new process, which gets its number there."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return warm_child.arrived, (DupFd(self.fd),)


@functools.cache
def _server() -> ForkServerContext:
    """Return the context of this process's own fork server; it ends with this process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([warm_child.__name__, "tests.walkaway.support.warm_imports"])
    return context
