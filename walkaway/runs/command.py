"""Whose pytest runs, and the argv that starts it with the recorder in it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.model import exitcodes

RECORDER = Path(__file__).resolve().parent.parent / "recorder"
PLUGIN = ("-p", "walkaway_recorder", "-o", "verbosity_test_cases=1")
"""First in argv, so that a later option of the user wins. The -o gives the log a line a test."""


def find_pytest(
    configured: Sequence[str], root: Path, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the argv that starts pytest.

    The configured one; else the active virtual environment's, the project's `.venv`'s, this
    Python's: the first that has pytest. `python -m pytest` rather than the script: a moved
    environment breaks the script's first line.
    """
    if configured:
        return (_found(configured[0], root, environ), *configured[1:])
    active = environ.get("VIRTUAL_ENV")
    for folder in ([Path(active)] if active else []) + [root / ".venv"]:
        if any(folder.glob("lib*/python*/site-packages/pytest/__init__.py")):
            return (str(folder / "bin/python"), "-m", "pytest")
    if importlib.util.find_spec("pytest") is None:
        message = (
            f"No pytest: none in {root / '.venv'}, an active environment, or {sys.executable}.\n"
            "Install it there, or name yours in invoke.yaml: walkaway: {pytest: [uv, run, pytest]}"
        )
        raise WalkawayError(message, exitcodes.NOT_STARTABLE)
    return (sys.executable, "-m", "pytest")


def _found(program: str, root: Path, environ: Mapping[str, str]) -> str:
    """Return a configured program; a relative path is the project's, wherever one stands.

    `WalkawayError` 69 when it cannot be executed: better before the prompt is back than in a log.
    """
    expanded = os.path.expanduser(program)
    name = str(root / expanded) if os.sep in expanded else expanded
    if shutil.which(name, path=environ.get("PATH")) is None:
        message = f"walkaway.pytest names {program!r}, which is not there or cannot be executed."
        raise WalkawayError(message, exitcodes.NOT_STARTABLE)
    return name


def build(pytest: Sequence[str], options: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
    """Return pytest's whole argv: recorder first, then task options, then what the user typed.

    An isolated interpreter (`python -I -m pytest`, `-E`) ignores PYTHONPATH: the recorder's own
    starter takes the place of `-m pytest` there.
    """
    command = list(pytest)
    if _isolated(command):
        module = command.index("-m")
        command[module : module + 2] = [str(RECORDER / "walkaway_recorder" / "isolated.py")]
        return (*command, *PLUGIN[2:], *options, *args)
    return (*command, *PLUGIN, *options, *args)


def _isolated(command: Sequence[str]) -> bool:
    if "-m" not in command[1:-1] or "python" not in Path(command[0]).name:
        return False
    module = command.index("-m")
    flags = [word for word in command[1:module] if word.startswith("-") and word[1:2] != "-"]
    return command[module + 1] == "pytest" and any(set("IE") & set(flag) for flag in flags)
