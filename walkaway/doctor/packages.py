"""Check that the Python that runs the tests has the packages that the project names."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOCKS = ("requirements.txt", "requirements-test.txt")
_PYPROJECT = "pyproject.toml"
_ANSWER_S = 15.0
_MARK = "walkaway:"
_OPTION = re.compile(r"\s+--[a-z].*")
_COMMENT = re.compile(r"(^|\s+)#.*")
PROBE = """\
import json, sys
from importlib import metadata
from packaging.requirements import InvalidRequirement, Requirement

lacking = {}
for source, lines in json.load(sys.stdin).items():
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            try:
                metadata.version(requirement.name)
            except metadata.PackageNotFoundError:
                lacking.setdefault(source, []).append(requirement.name)
print("walkaway:" + json.dumps(lacking))
"""
"""Runs in the tests' Python, which knows its own markers. `packaging` comes with pytest."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """Packages that one file names and that are not installed, and the command to install them."""

    source: str
    names: tuple[str, ...]
    install: tuple[str, ...]


def lacking(pytest: Sequence[str], root: Path, environ: Mapping[str, str]) -> list[Lacking]:
    """Return what the Python behind `python -m pytest` lacks, one entry per file.

    Empty when there is nothing to compare, when pytest is started in another way, or when its
    Python does not answer. Does not check versions.
    """
    python = _python(pytest)
    named = _named(root)
    if not python or not named:
        return []
    try:
        done = subprocess.run(
            [*python, "-c", PROBE], cwd=root, env=dict(environ), input=json.dumps(named).encode(),
            capture_output=True, timeout=_ANSWER_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(_MARK):
            missing: dict[str, list[str]] = json.loads(line.removeprefix(_MARK))
            return [_entry(source, names, python) for source, names in missing.items()]
    return []


def _entry(source: str, names: Sequence[str], python: Sequence[str]) -> Lacking:
    what = ("-e", ".") if source == _PYPROJECT else ("-r", source)
    install = (python[0], "-m", "pip", "install", *what)
    return Lacking(source, tuple(dict.fromkeys(names)), install)


def _python(pytest: Sequence[str]) -> tuple[str, ...]:
    """Return the interpreter and its own flags in `python -I -m pytest …`; empty otherwise."""
    words = tuple(pytest)
    for at in range(1, len(words) - 1):
        if words[at : at + 2] == ("-m", "pytest"):
            return words[:at]
    return ()


def _named(root: Path) -> dict[str, list[str]]:
    """Return the requirements by the file that names them."""
    found = {}
    for name in LOCKS:
        try:
            text = (root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        rows = text.replace("\\\n", " ").splitlines()
        lines = [_OPTION.sub("", _COMMENT.sub("", row)).strip() for row in rows]
        found[name] = [line for line in lines if line and not line.startswith("-")]
    try:
        data = tomllib.loads((root / _PYPROJECT).read_text(encoding="utf-8"))
        lines = data["project"]["dependencies"]
        found[_PYPROJECT] = [line for line in lines if isinstance(line, str)]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {name: lines for name, lines in found.items() if lines}
