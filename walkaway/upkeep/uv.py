"""Find uv, call it, and explain its errors."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes

COMMAND = "inv compile-deps"
_URL = re.compile(r"https?://\S+")
_UNREACHABLE = re.compile(
    r"error sending request|dns error|[Cc]onnection refused|timed out|network was disabled"
    r"|Network is unreachable|Request failed after"
)
_UV_LIMIT_S = 600
_RESOLUTION_FAILED = 1


@dataclass(frozen=True, slots=True)
class Project:
    """Where to compile: the root, uv's path, and the oldest Python that the locks support."""

    root: Path
    uv: str
    python: str
    environ: Mapping[str, str]


def find_uv() -> str:
    """Return this environment's uv, otherwise the one on PATH. `WalkawayError` 69 without one."""
    beside = Path(sys.executable).parent / "uv"
    if os.access(beside, os.X_OK):
        return str(beside)
    if importlib.util.find_spec("uv") is not None:
        import uv

        try:
            return str(uv.find_uv_bin())
        except FileNotFoundError:
            pass
    on_path = shutil.which("uv")
    if on_path is None:
        message = (
            "uv is not installed, and it compiles the locks.\n"
            f"Install it beside Invoke: {sys.executable} -m pip install uv"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return on_path


def compile_lock(where: Project, source: str, output: Path, options: Sequence[str]) -> None:
    """Compile one source into ``output`` with uv. Raises `WalkawayError` when that fails."""
    argv = [
        where.uv, "pip", "compile", "--quiet", "--no-progress", "--universal",
        "--python", sys.executable, "--no-python-downloads", "--python-version", where.python,
        "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
        "--no-emit-index-annotation", "--custom-compile-command", COMMAND,
        *options, "--output-file", str(output), source,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            argv, cwd=where.root, env=dict(where.environ), stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", errors="replace", timeout=_UV_LIMIT_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        minutes = _UV_LIMIT_S // 60
        message = f"{source}: uv did not finish within {minutes} minutes. Is the index reachable?"
        raise WalkawayError(message, exit_codes.LIMIT) from error
    except OSError as error:
        message = f"{where.uv} cannot be run: {error.strerror}."
        raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
    if done.returncode:
        raise _refused(source, done.stderr)


def _refused(source: str, output: str) -> WalkawayError:
    """Return why uv failed: index unreachable, requirements unsatisfiable, or malformed."""
    if _UNREACHABLE.search(output):
        message = (
            f"{source} cannot be resolved: no package index can be reached.\n"
            f"Connect, or set HTTPS_PROXY or UV_DEFAULT_INDEX, then run again: {COMMAND}"
        )
        return WalkawayError(message, exit_codes.NOT_STARTABLE)
    errors = _errors(output)[:2]
    if "No solution found" in output:
        message = (
            f"{source} cannot be resolved: {errors[-1][:300]}\n"
            f"Loosen a constraint, then run again: {COMMAND}"
        )
        return WalkawayError(message, _RESOLUTION_FAILED)
    why = ": ".join(errors)[:400]
    return WalkawayError(f"{source} cannot be compiled: {why}", exit_codes.WRONG_USE)


def _errors(output: str) -> list[str]:
    """Return uv's error and its causes, one line each: uv wraps them at a terminal's width."""
    found: list[str] = []
    for line in _URL.sub("(the index)", output).splitlines():
        word, _, rest = line.strip().partition(": ")
        if word in {"error", "cause"}:
            found.append(rest)
        elif word == "hint":
            break
        elif found and line.strip(" ^"):
            found[-1] += f" {line.strip()}"
    return found or ["uv printed nothing"]
