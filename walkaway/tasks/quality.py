"""`lint` and `check`: configured lists of commands, each an argv, run in the project's root."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from invoke.context import Context

from walkaway.errors import WalkawayError
from walkaway.model import exitcodes
from walkaway.runs.settings import words
from walkaway.tasks import edge
from walkaway.tasks.edge import JSON_HELP, Here, say, say_json

LINT = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
_CHECK = (("pytest",),)


@edge.task(name="lint", flags={"json": JSON_HELP})
def lint(c: Context, json: bool = False) -> int:
    """Run the configured linters (walkaway.lint), all of them; the first failure's exit code."""
    here = edge.here(c)
    return _run_all(here, commands(here, "lint", LINT), json=json)


@edge.task(name="check", flags={"json": JSON_HELP})
def check(c: Context, json: bool = False) -> int:
    """Run the linters, then the configured test commands (walkaway.check), here and now."""
    here = edge.here(c)
    argvs = [*commands(here, "lint", LINT), *commands(here, "check", _CHECK)]
    return _run_all(here, argvs, json=json)


def commands(here: Here, key: str, default: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the argvs configured under a key, else the default; `WalkawayError` 64."""
    configured = here.config.get(key)
    if configured is None:
        return list(default)
    if isinstance(configured, str):
        return [words(configured, key)]
    return [words(command, f"{key}[]") for command in configured]


def _run_all(here: Here, argvs: Sequence[tuple[str, ...]], *, json: bool) -> int:
    """Run every command even after a failure: one look shows all there is to mend."""
    steps = []
    for command in argvs:
        shown = shlex.join(command)
        if not json:
            say([here.style.bold(f"== {shown}")])
        begun = time.monotonic()
        code = run_command(here, command, quiet=json)
        steps.append({"command": shown, "code": code, "seconds": time.monotonic() - begun})
    failed = [step for step in steps if step["code"]]
    code = int(str(failed[0]["code"])) if failed else 0
    if json:
        say_json({"walkaway": 1, "steps": steps, "code": code})
        return code
    for step in steps:
        word = here.style.bad("failed") if step["code"] else here.style.good("passed")
        say([f"{word}  {step['seconds']:6.1f} s  {step['command']}"])
    if failed:
        say([f"mend it, then again: {failed[0]['command']}"])
    return code


def run_command(here: Here, command: tuple[str, ...], *, quiet: bool) -> int:
    """Run one command with this environment's scripts first on PATH."""
    scripts = str(Path(sys.executable).parent)
    environ = {**here.environ, "PATH": scripts + os.pathsep + here.environ.get("PATH", "")}
    try:
        done = subprocess.run(
            command,
            cwd=here.root,
            env=environ,
            check=False,
            stdout=subprocess.DEVNULL if quiet else None,
        )
    except OSError as error:
        message = (
            f"{command[0]} cannot be run: {error.strerror}.\n"
            "Install it beside Invoke, or leave it out of walkaway.lint in invoke.yaml."
        )
        raise WalkawayError(message, exitcodes.NOT_STARTABLE) from error
    return done.returncode if done.returncode >= 0 else exitcodes.SIGNAL_BASE - done.returncode
