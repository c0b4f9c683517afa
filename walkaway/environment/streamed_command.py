"""Run a long command, show its output as it comes, and keep its end for a message."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from walkaway.environment import engine
from walkaway.environment.engine import Done
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.process import proc_table

_QUIET_S = 10.0
"""After so long without output, check that the engine still answers."""
_SILENT_S = 60.0
"""How long the engine may be silent, for example on a machine that was suspended."""
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
    """Run a command to its end and return it, with its last output in ``err``.

    ``out`` is the descriptor for all output as it comes; None means our own stdout. If it is a
    terminal, the command gets one too, and draws as it likes. `WalkawayError` 69 when the command
    does not exist, takes too long, or waits for an engine that has not answered for a minute.
    """
    out = _STDOUT if out is None else out
    reader, writer = _terminal(out) if os.isatty(out) else os.pipe()
    try:
        process = _begun(argv, environ, cwd, writer)
        try:
            kept = _passed_on(reader, out, time.monotonic() + timeout_s, environ)
            code = process.wait(_LEAVE_S)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            message = f"`{' '.join(argv[:2])} …` did not end within {timeout_s:.0f} s."
            raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
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
        message = f"The Docker engine cannot be reached: {engine.NOT_THERE}."
        raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
    finally:
        os.close(writer)


def _passed_on(reader: int, out: int, deadline: float, environ: Mapping[str, str]) -> bytes:
    kept = b""
    silent_since = 0.0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not select.select([reader], [], [], min(left, _QUIET_S))[0]:
            silent_since = _still_silent(out, environ, silent_since)
            continue
        silent_since = 0.0
        try:
            data = os.read(reader, _CHUNK)
        except OSError:
            return kept  # EIO: the last process with this terminal has closed it
        if not data:
            return kept
        kept = (kept + data)[-_KEPT_BYTES:]
        while data:
            data = data[os.write(out, data) :]


def _still_silent(out: int, environ: Mapping[str, str], since: float) -> float:
    """Return since when the engine is silent, 0 if it is not. `WalkawayError` 69 after a minute."""
    now = time.monotonic()
    why = engine.silent_because(environ)
    if not why:
        return 0.0
    if not since:
        with contextlib.suppress(OSError):
            os.write(out, f"the Docker engine does not answer: {why}\n".encode())
        return now
    if now - since > _SILENT_S:
        message = f"The engine does not answer: {why}\nStart it, then check with: inv doctor"
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return since


def _terminal(out: int) -> tuple[int, int]:
    """Open a terminal of the same size that passes output through unchanged."""
    reader, writer = pty.openpty()
    with contextlib.suppress(OSError, termios.error):
        size = fcntl.ioctl(out, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(writer, termios.TIOCSWINSZ, size)
        modes = termios.tcgetattr(writer)
        modes[1] &= ~termios.OPOST
        termios.tcsetattr(writer, termios.TCSANOW, modes)
    return reader, writer


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that still runs, after a time-out or Ctrl-C, together with its plugin."""
    if process.poll() is not None:
        return
    below = proc_table.descendants(process.pid, proc_table.everyone())
    process.terminate()
    try:
        process.wait(_LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for proc in below:
        proc_table.send(proc.pid, proc.start, signal.SIGKILL)
