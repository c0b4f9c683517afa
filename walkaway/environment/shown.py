"""Run a command that takes long, its output shown as it comes and its end kept for a message."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from walkaway.environment import engine
from walkaway.environment.engine import Done
from walkaway.errors import WalkawayError
from walkaway.model import exitcodes

_KEPT_BYTES = 64 * 1024
_CHUNK = 16 * 1024
_STDOUT = 1
_LEAVE_S = 10.0


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    timeout_s: float,
    *,
    cwd: Path,
    out: int | None,
) -> Done:
    """Run a command to its end and return it, its last words in ``err``.

    ``out`` is a descriptor that gets all output as it comes; None: our own stdout. Where it is a
    terminal the command has one, too, and draws as it likes. `WalkawayError` 69 when the command is
    not there or takes too long.
    """
    out = _STDOUT if out is None else out
    reader, writer = _terminal(out) if os.isatty(out) else os.pipe()
    try:
        process = _begun(argv, environ, cwd, writer)
        try:
            kept = _passed_on(reader, out, time.monotonic() + timeout_s)
            code = process.wait(_LEAVE_S)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            message = f"`{' '.join(argv[:2])} …` has not ended within {timeout_s:.0f} s."
            raise WalkawayError(message, exitcodes.NOT_STARTABLE) from error
        finally:
            _end(process)
    finally:
        os.close(reader)
    return Done(code, "", kept.decode(errors="replace"))


def _begun(
    argv: Sequence[str], environ: Mapping[str, str], cwd: Path, writer: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, cwd=cwd,
            env=dict(environ),
        )  # fmt: skip
    except FileNotFoundError as error:
        message = f"The engine cannot be asked: {engine.NOT_THERE}."
        raise WalkawayError(message, exitcodes.NOT_STARTABLE) from error
    finally:
        os.close(writer)


def _passed_on(reader: int, out: int, deadline: float) -> bytes:
    kept = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            raise TimeoutError
        try:
            data = os.read(reader, _CHUNK)
        except OSError:
            return kept  # EIO: the last process with this terminal has closed it
        if not data:
            return kept
        kept = (kept + data)[-_KEPT_BYTES:]
        while data:
            data = data[os.write(out, data) :]


def _terminal(out: int) -> tuple[int, int]:
    """Open a terminal of the same size; what it is given comes out as it is."""
    reader, writer = pty.openpty()
    with contextlib.suppress(OSError, termios.error):
        size = fcntl.ioctl(out, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(writer, termios.TIOCSWINSZ, size)
        modes = termios.tcgetattr(writer)
        modes[1] &= ~termios.OPOST
        termios.tcsetattr(writer, termios.TCSANOW, modes)
    return reader, writer


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that still runs: it was given up, or Ctrl-C came."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
