"""Find the pytest to run, and build the argv that starts it with the recorder loaded."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes

RECORDER = Path(__file__).resolve().parent.parent / "recorder"
OWN = ".venv"
"""The folder of a project's own virtual environment."""
_ASK = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pytest') is None)"
_ANSWER_S = 5.0
PLUGIN = ("-p", "walkaway_recorder", "-o", "verbosity_test_cases=1")
"""First in argv, so that the user's later options win. The -o gives the log one line per test."""
FORKS_PLUGIN = ("-p", "walkaway_forks")
"""What a run with forked workers has in its argv."""


def find_pytest(
    configured: Sequence[str], root: Path, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the argv that starts pytest.

    That is the configured command; else the first of these that has pytest: the project's own
    environment, an active one, this Python. It is `python -m pytest` and not the script, because
    moving an environment breaks the script's first line. Raises `WalkawayError` 69 when there is
    no pytest.
    """
    if configured:
        return (_found(configured[0], root, environ), *configured[1:])
    for folder in _environments(root, environ):
        if _has_pytest(folder):
            return (str(folder / "bin/python"), "-m", "pytest")
    if importlib.util.find_spec("pytest") is None:
        message = (
            f"No pytest: none in {root / OWN}, an active environment, or {sys.executable}.\n"
            "Install it there, or name yours in invoke.yaml: walkaway: {pytest: [uv, run, pytest]}"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return (sys.executable, "-m", "pytest")


def environment_note(
    configured: Sequence[str], argv: Sequence[str], root: Path, environ: Mapping[str, str]
) -> str:
    """Return a note on which environment is used if one might expect another; else empty.

    ``argv`` is the result of `find_pytest`. Example: `.venv (the active /x/other is not used)`.
    """
    if configured:
        return ""
    chosen = Path(argv[0]).parent.parent
    shown = chosen.relative_to(root) if chosen.is_relative_to(root) else chosen
    active, own = _active(environ), root / OWN
    if active is not None and not _same(active, chosen):
        why = "is not used" if _has_pytest(active) else "has no pytest"
        return f"{shown} (the active {active} {why})"
    if (own / "bin/python").exists() and not _same(own, chosen) and not _has_pytest(own):
        return f"{shown} ({OWN} has no pytest)"
    return ""


def _environments(root: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return the virtual environments to search, in order.

    A project's own comes before an active one, which may be another project's. But an active one
    that runs this task and lies inside the project comes first: tox and nox make such
    environments.
    """
    own, active = root / OWN, _active(environ)
    if active is None or _same(active, own):
        return [own]
    ours = _same(active, Path(sys.prefix)) and active.resolve().is_relative_to(root.resolve())
    return [active, own] if ours else [own, active]


def _active(environ: Mapping[str, str]) -> Path | None:
    """Return the active virtual environment's absolute path; None when there is none any more."""
    folder = Path(environ.get("VIRTUAL_ENV") or os.devnull).absolute()
    return folder if folder.is_dir() else None


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _has_pytest(folder: Path) -> bool:
    """Return whether an environment has pytest.

    It may come from the system's packages or through a .pth file; then its Python must be asked.
    """
    if any(folder.glob("lib*/python*/site-packages/pytest/__init__.py")):
        return True
    if _same(folder, Path(sys.prefix)):
        return importlib.util.find_spec("pytest") is not None
    if not any(folder.glob("pyvenv.cfg")):
        return False
    try:
        done = subprocess.run(
            (folder / "bin/python", "-c", _ASK), cwd=folder, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=_ANSWER_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _found(program: str, root: Path, environ: Mapping[str, str]) -> str:
    """Return a configured program; relative paths are relative to the project root.

    Raises `WalkawayError` 69 when it cannot be executed: better reported now than in a log.
    """
    expanded = os.path.expanduser(program)
    name = str(root / expanded) if os.sep in expanded else expanded
    if shutil.which(name, path=environ.get("PATH")) is None:
        message = f"walkaway.pytest names {program!r}, which does not exist or is not executable."
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return name


def build(pytest: Sequence[str], options: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
    """Return pytest's whole argv: recorder first, then task options, then what the user typed.

    An isolated interpreter (`python -I -m pytest`, `-E`) ignores PYTHONPATH, so the recorder's own
    start script replaces `-m pytest` there.
    """
    command = list(pytest)
    if _isolated(command):
        module = command.index("-m")
        command[module : module + 2] = [str(RECORDER / "walkaway_recorder" / "isolated_start.py")]
        return (*command, *PLUGIN[2:], *options, *args)
    return (*command, *PLUGIN, *options, *args)


def _isolated(command: Sequence[str]) -> bool:
    if "-m" not in command[1:-1] or "python" not in Path(command[0]).name:
        return False
    module = command.index("-m")
    flags = [word for word in command[1:module] if word.startswith("-") and word[1:2] != "-"]
    return command[module + 1] == "pytest" and any(set("IE") & set(flag) for flag in flags)
