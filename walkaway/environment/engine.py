"""The docker command: check that its engine answers, and run calls with a time limit.

Light to import.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.process import proc_table

_SOCKET = "/var/run/docker.sock"
_PING_S = 5.0
_CALL_S = 60.0
_UNIX = "unix://"
NOT_THERE = "no docker command on PATH"
_at_work: set[subprocess.Popen[bytes]] = set()


class NoAnswerError(WalkawayError):
    """A command took too long. Whether the engine did what it was asked for is unknown."""

    def __init__(self, command: str, timeout_s: float) -> None:
        message = f"`{command}` did not answer within {timeout_s:.0f} s."
        super().__init__(message, exit_codes.NOT_STARTABLE)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def why(self) -> str:
        """The last line of its output, for a message."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return lines[-1] if lines else f"it ended with {self.code}"


def silent_because(environ: Mapping[str, str]) -> str:
    """Return why the engine does not answer; empty when it does. 1 ms on a local socket."""
    if shutil.which("docker", path=environ.get("PATH")) is None:
        return NOT_THERE
    path = local_socket(environ)
    if path is not None:
        return _ping(path)
    try:
        found = call(("docker", "version", "--format", "{{.Server.Version}}"), environ, _PING_S)
    except WalkawayError as error:
        return error.message.splitlines()[0]
    return "" if found.code == 0 else found.why


def call(
    argv: Sequence[str],
    environ: Mapping[str, str],
    timeout_s: float = _CALL_S,
    *,
    cwd: Path | None = None,
) -> Done:
    """Run a docker command to its end. `WalkawayError` 69 when it cannot run or takes too long."""
    try:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=cwd, env=dict(environ),
        )  # fmt: skip
    except FileNotFoundError as error:
        message = f"The Docker engine cannot be reached: {NOT_THERE}."
        raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
    _at_work.add(process)
    with process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            end(process)
            raise NoAnswerError(_short(argv), timeout_s) from error
        except BaseException:
            end(process)
            raise
        finally:
            _at_work.discard(process)
    return Done(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def end_calls() -> None:
    """End the calls that other threads are running: nobody waits for them any more."""
    for process in tuple(_at_work):
        end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a docker command and the plugin that it runs, which would otherwise keep waiting."""
    below = proc_table.descendants(process.pid, proc_table.everyone())
    process.kill()
    for proc in below:
        proc_table.send(proc.pid, proc.start, signal.SIGKILL)


def ask(
    argv: Sequence[str],
    environ: Mapping[str, str],
    timeout_s: float = _CALL_S,
    *,
    cwd: Path | None = None,
) -> str:
    """Return a docker command's stdout. `WalkawayError` 69 with its own words if it fails."""
    done = call(argv, environ, timeout_s, cwd=cwd)
    if done.code:
        message = f"`{_short(argv)}` failed: {done.why}"
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return done.out


def rows(
    argv: Sequence[str], environ: Mapping[str, str], timeout_s: float = _CALL_S
) -> list[dict[str, Any]]:
    """Return the objects of a command with `--format json` (one per line, or one list)."""
    text = ask(argv, environ, timeout_s).strip()
    if text.startswith("["):
        found = json.loads(text)
        return [row for row in found if isinstance(row, dict)]
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def _short(argv: Sequence[str]) -> str:
    return " ".join(argv[:6]) + (" …" if len(argv) > 6 else "")  # noqa: PLR2004


def local_socket(environ: Mapping[str, str]) -> str | None:
    """Return the path of the engine's socket; None when only the docker command can find it."""
    host = environ.get("DOCKER_HOST", "")
    if host:
        return host.removeprefix(_UNIX) if host.startswith(_UNIX) else None
    if environ.get("DOCKER_CONTEXT", "default") != "default":
        return None
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", ""), ".docker"))
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return _SOCKET
    context = config.get("currentContext") if isinstance(config, dict) else None
    return _SOCKET if context in {None, "", "default"} else None


def _ping(path: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PING_S)
            connection.connect(path)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            answer = connection.recv(4096)
    except OSError as error:
        return f"{path}: {error.strerror or 'no answer'}"
    status = answer.partition(b"\r\n")[0]
    return "" if b" 200" in status else f"{path}: {status.decode(errors='replace') or 'no answer'}"
