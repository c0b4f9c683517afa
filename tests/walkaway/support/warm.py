"""Pythons forked from one that has imported pytest and Invoke: a tenth of a start from nothing.

A module is run as `python -m` runs it, in a process of its own, with its own working directory,
environment and files. What a process gets from its start alone (hash seed, encoding, flags, limits,
a controlling terminal) is that of the first: who needs another one starts Python itself.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tests.walkaway.support import warm_child

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.context import ForkServerContext, ForkServerProcess

_PYTHON = (sys.executable, "-m")
_MODULES = ("pytest", "invoke")
_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC")
_FOLLOWED = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}
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


def popen(  # noqa: PLR0913 - what a process can be given
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: int | IO[Any],
    stderr: int | IO[Any],
    cold: bool = False,
) -> Process | subprocess.Popen[bytes]:
    """Start a program, its standard input empty; a `python -m pytest` or `invoke` is forked.

    With `cold` nothing is: the process is then what its start made it in all respects.
    """
    words = [os.fspath(word) for word in argv]
    if cold or tuple(words[:2]) != _PYTHON or words[2] not in _MODULES or not suits(env):
        return subprocess.Popen(
            words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
    sys.audit("subprocess.Popen", words[0], words, os.fspath(cwd), None)  # like any other start
    with Path(os.devnull).open("rb") as empty:
        files = [one if isinstance(one, int) else one.fileno() for one in (empty, stdout, stderr)]
        process = _server().Process(
            target=warm_child.run,
            args=(words[2:], os.fspath(cwd), dict(env), [_Sent(fd) for fd in files]),
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
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = popen(
            argv, cwd=cwd, env=env, stdout=out, stderr=out if together else err, cold=cold
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        printed = _text(out, errors), _text(err, errors)
    return subprocess.CompletedProcess(list(argv), code, *printed)


def _text(file: IO[bytes], errors: str) -> str:
    file.seek(0)
    return file.read().decode("utf-8", errors).replace("\r\n", "\n")


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
