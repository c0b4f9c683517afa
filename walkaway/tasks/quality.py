"""`lint`, `check`, `check-fast`: configured commands, each an argv, run in the project's root."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from invoke.context import Context

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.runs import command
from walkaway.settings import words
from walkaway.tasks import invoke_adapter
from walkaway.tasks.invoke_adapter import JSON_HELP, Here, say, say_json

LINT = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))


@dataclass(frozen=True, slots=True)
class Linters:
    """The commands to run, and names of the default list that are not installed."""

    argvs: tuple[tuple[str, ...], ...]
    missing: tuple[str, ...] = ()


@invoke_adapter.task(name="lint", flags={"json": JSON_HELP})
def lint(c: Context, json: bool = False) -> int:
    """Run the configured linters (walkaway.lint), all of them; the first failure's exit code."""
    here = invoke_adapter.here(c)
    found = linters(here)
    if found.missing and not found.argvs:
        message = (
            f"No linter: {' and '.join(found.missing)} are not installed.\n"
            "Install them beside Invoke, or name yours as walkaway.lint in invoke.yaml."
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return _run_all(here, found.argvs, found.missing, json=json)


@invoke_adapter.task(name="check", flags={"json": JSON_HELP})
def check(c: Context, json: bool = False) -> int:
    """Run the linters, then the configured test commands (walkaway.check), here and now."""
    here = invoke_adapter.here(c)
    found = linters(here)
    return _run_all(here, [*found.argvs, *_tests(here)], found.missing, json=json)


@invoke_adapter.task(name="check-fast", flags={"json": JSON_HELP})
def check_fast(c: Context, json: bool = False) -> int:
    """Run the linters and the fast tests (walkaway.check_fast): what to run on each save."""
    here = invoke_adapter.here(c)
    found = linters(here)
    return _run_all(here, [*found.argvs, *_fast_tests(here)], found.missing, json=json)


def linters(here: Here) -> Linters:
    """Return the configured linters; else those of the default list that are installed.

    A configured one that is missing is found when it is run. `WalkawayError` 64.
    """
    configured = _configured(here, "lint")
    if configured is not None:
        return Linters(tuple(configured))
    path = _path(here)
    missing = dict.fromkeys(argv[0] for argv in LINT if shutil.which(argv[0], path=path) is None)
    return Linters(tuple(argv for argv in LINT if argv[0] not in missing), tuple(missing))


def _tests(here: Here) -> list[tuple[str, ...]]:
    """Return the configured test commands; else the pytest that a local run would start."""
    configured = _configured(here, "check")
    return [_pytest(here)] if configured is None else configured


def _fast_tests(here: Here) -> list[tuple[str, ...]]:
    """Return the configured fast test commands; else pytest without the tests marked `slow`."""
    configured = _configured(here, "check_fast")
    return [(*_pytest(here), "-m", "not slow")] if configured is None else configured


def _pytest(here: Here) -> tuple[str, ...]:
    return command.find_pytest(here.settings().pytest, here.root, here.environ)


def _configured(here: Here, key: str) -> list[tuple[str, ...]] | None:
    configured = here.config.get(key)
    if configured is None:
        return None
    if isinstance(configured, str):
        return [words(configured, key)]
    return [words(argv, f"{key}[]") for argv in configured]


def _run_all(
    here: Here, argvs: Sequence[tuple[str, ...]], missing: Sequence[str], *, json: bool
) -> int:
    """Run every command even after a failure: one look shows all there is to mend."""
    steps = []
    for argv in argvs:
        shown = shlex.join(argv)
        if not json:
            say([here.style.bold(f"== {shown}")])
        begun = time.monotonic()
        code = _code_of(here, argv, quiet=json)
        steps.append({"command": shown, "code": code, "seconds": time.monotonic() - begun})
    failed = [step for step in steps if step["code"]]
    code = int(str(failed[0]["code"])) if failed else 0
    if json:
        say_json({"walkaway": 1, "steps": steps, "missing": list(missing), "code": code})
        return code
    for name in missing:
        say([f"skipped           {name}: not installed, and walkaway.lint is not set"])
    for step in steps:
        word = here.style.bad("failed") if step["code"] else here.style.good("passed")
        say([f"{word}  {step['seconds']:6.1f} s  {step['command']}"])
    if failed:
        say([f"fix it, then run again: {failed[0]['command']}"])
    return code


def _code_of(here: Here, argv: tuple[str, ...], *, quiet: bool) -> int:
    """Run one command; one that is not there is 69, and keeps no other from being run."""
    try:
        return run_command(here, argv, quiet=quiet)
    except WalkawayError as error:
        invoke_adapter.complain(error.message)
        return error.code


def _path(here: Here) -> str:
    return str(Path(sys.executable).parent) + os.pathsep + here.environ.get("PATH", "")


def run_command(here: Here, argv: tuple[str, ...], *, quiet: bool) -> int:
    """Run one command with this environment's scripts first on PATH."""
    try:
        done = subprocess.run(
            argv,
            cwd=here.root,
            env={**here.environ, "PATH": _path(here)},
            check=False,
            stdout=subprocess.DEVNULL if quiet else None,
        )
    except OSError as error:
        message = (
            f"{argv[0]} cannot be run: {error.strerror}.\n"
            "Install it beside Invoke, or leave it out of walkaway.lint in invoke.yaml."
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
    return done.returncode if done.returncode >= 0 else exit_codes.SIGNAL_BASE - done.returncode
