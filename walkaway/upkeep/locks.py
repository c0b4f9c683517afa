"""Locks of requirements: each `requirements*.in` of a project, compiled with hashes beside it.

uv resolves them (`--universal`: one lock for every platform and patch release). A lock is always
compiled in a temporary folder, seeded with the existing pins, so pins stay and a check changes
nothing. The result replaces the lock atomically, and only when it differs.
"""

from __future__ import annotations

import contextlib
import graphlib
import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.upkeep.lockfile import Lock, LockState, body, compared, seeded, without_index
from walkaway.upkeep.uv import COMMAND, Project, compile_lock, find_uv

_INCLUDE = re.compile(r"^(?:-r|-c|--requirement|--constraint)[\s=]*(.+?)\s*(?:\s#.*)?$")
_LEAST = re.compile(r"(?:>=|~=|===?)\s*(\d+\.\d+)")


def project(root: Path, environ: Mapping[str, str]) -> Project:
    """Find uv and the minimum Python. `WalkawayError` 69 without uv, 64 for a bad pyproject."""
    return Project(root, find_uv(), minimum_python(root), environ)


def minimum_python(root: Path) -> str:
    """Return the lowest Python that pyproject.toml requires (`3.11`), otherwise this Python."""
    path = root / "pyproject.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        data = {}
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read: {error}.\nFix it, then run again: {COMMAND}"
        raise WalkawayError(message, exit_codes.WRONG_USE) from error
    table = data.get("project")
    required = table.get("requires-python") if isinstance(table, dict) else None
    found = _LEAST.search(required) if isinstance(required, str) else None
    return found[1] if found else f"{sys.version_info.major}.{sys.version_info.minor}"


def sources(root: Path) -> list[str]:
    """Return the requirements*.in files of a root, each after those that it includes."""
    names = sorted(path.name for path in root.glob("requirements*.in") if path.is_file())
    owners = {name: name for name in names} | {lock_name(name): name for name in names}
    graph = {name: [owners[other] for other in _includes(root / name) if other in owners]
             for name in names}  # fmt: skip
    try:
        return list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError:
        return names  # uv reports the cycle


def lock_name(source: str) -> str:
    """Return the name of the lock beside a source."""
    return source.removesuffix(".in") + ".txt"


def _includes(path: Path) -> list[str]:
    found = (_INCLUDE.match(line.strip()) for line in _text(path).splitlines())
    return [os.path.normpath(match[1].strip("\"'")) for match in found if match]


def check(where: Project) -> list[Lock]:
    """Compare each lock with what compiling it now would give. Changes nothing.

    Compiles from the cache first: if that gives the existing lock, no network is needed. Otherwise
    the index decides.
    """
    return [_checked(where, source) for source in sources(where.root)]


def _checked(where: Project, source: str) -> Lock:
    name = lock_name(source)
    if not (where.root / name).is_file():
        return Lock(name, source, LockState.STALE, why="it is not there")
    old = _text(where.root / name)
    with contextlib.suppress(WalkawayError):
        if body(_compiled(where, source, old, "--offline")) == body(old):
            return Lock(name, source, LockState.FRESH)
    return compared(name, source, old, _compiled(where, source, old), LockState.STALE)


def compile_all(where: Project, *, upgrade: bool = False) -> list[Lock]:
    """Compile every lock, in order. A lock whose contents stay the same is not touched."""
    found = []
    for source in sources(where.root):
        name = lock_name(source)
        path = where.root / name
        old = _text(path)
        new = _compiled(where, source, old, *(["--upgrade"] if upgrade else []))
        lock = compared(name, source, old, new, LockState.WRITTEN)
        if lock.standing is not LockState.FRESH or not path.is_file():
            _replace(path, new)
        found.append(lock)
    return found


def _compiled(where: Project, source: str, old: str, *options: str) -> str:
    """Return the lock that uv compiles from a source now."""
    owners = {lock_name(name): name for name in sources(where.root)}
    included = [lock_name(name) if name.endswith(".in") else name
                for name in _includes(where.root / source)]  # fmt: skip
    bases = [_text(where.root / name) for name in included if name in owners]
    with tempfile.TemporaryDirectory(prefix="walkaway-lock-") as folder:
        output = Path(folder) / lock_name(source)
        seed = seeded(old, bases)
        if seed:
            output.write_text(seed, encoding="utf-8")
        compile_lock(where, source, output, options)
        return without_index(_text(output))


def _replace(path: Path, text: str) -> None:
    """Replace a lock atomically: a kill leaves the old one or the new one. Keeps a symlink."""
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except OSError as error:
        message = f"{path.name} cannot be written: {error.strerror}."
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error
    finally:
        temporary.unlink(missing_ok=True)


def _text(path: Path) -> str:
    """Return a file's text; empty when it does not exist. `WalkawayError` 64 when unreadable."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read: {error}."
        raise WalkawayError(message, exit_codes.WRONG_USE) from error
