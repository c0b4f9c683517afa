"""xdist's workers, forked from a warm interpreter as the pytest that starts them is.

Before a process becomes pytest it forks as many as its arguments ask for, and they wait. What a
worker has of its start (files, environment, folder) it gets when execnet starts it.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from execnet import gateway_io
from execnet.gateway_base import Popen2IO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from execnet.gateway_base import ExecModel

_COUNT = re.compile(r" (?:-n|--numprocesses)[ =]?(\d+)\b")
_REPLACEMENTS = 2
"""Forked for workers that die; whatever is started after these is a Python of its own."""
_MESSAGE_BYTES = 1 << 20
_DESCRIPTORS = 1 << 16
_COMMAND = [sys.executable, "-u", "-c", gateway_io.popen_bootstrapline]
_python = gateway_io.Popen2IOMaster.__init__
_waiting: list[tuple[int, socket.socket]] = []


class Become(Protocol):
    """What a forked process does when it is started: it is `python -c CODE` from then on."""

    def __call__(
        self, code: str, cwd: str, env: Mapping[str, str], files: Sequence[int]
    ) -> NoReturn: ...


def prepare(argv: Sequence[str], become: Become) -> None:
    """Fork what a pytest with these arguments needs, and let execnet take its workers from them."""
    found = _COUNT.search(f" {' '.join(argv)} ")
    count = int(found[1]) if found else 0
    for _ in range(count and count + _REPLACEMENTS):
        ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        pid = os.fork()
        if not pid:
            for one in (ours, *(waiting for _, waiting in _waiting)):
                one.close()
            _wait(theirs, become)
        theirs.close()
        _waiting.append((pid, ours))
    if count:
        gateway_io.Popen2IOMaster.__init__ = _start  # type: ignore[method-assign]


def _wait(starter: socket.socket, become: Become) -> NoReturn:
    """Wait until this process is needed. It ends with the pytest, and by a Ctrl-C for all."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.closerange(3, starter.fileno())
    os.closerange(starter.fileno() + 1, _DESCRIPTORS)
    message, files, _flags, _address = socket.recv_fds(starter, _MESSAGE_BYTES, 3)
    starter.close()
    if not message:
        os._exit(0)
    code, cwd, env = pickle.loads(message)  # noqa: S301 - our own
    become(code, cwd, env, files)


class _Worker:
    """A process that was forked before and now gets its pipes, as from `subprocess.Popen`."""

    def __init__(self, pid: int, waiting: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        stdin, theirs = os.pipe()
        ours, stdout = os.pipe()
        self.stdin, self.stdout = os.fdopen(theirs, "wb"), os.fdopen(ours, "rb")
        start = (gateway_io.popen_bootstrapline, str(Path.cwd()), dict(os.environ))
        with waiting:
            socket.send_fds(waiting, [pickle.dumps(start)], [stdin, stdout, 2])
        os.close(stdin)
        os.close(stdout)

    def poll(self) -> int | None:
        return self._waited(os.WNOHANG)

    def wait(self) -> int | None:
        return self._waited(0)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _waited(self, how: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def _start(self: Any, args: Sequence[str], execmodel: ExecModel) -> None:  # noqa: ANN401 - execnet's
    if not _waiting or list(args) != _COMMAND:
        _python(self, args, execmodel)
        return
    self.popen = _Worker(*_waiting.pop(0))
    Popen2IO.__init__(self, self.popen.stdin, self.popen.stdout, execmodel=execmodel)
