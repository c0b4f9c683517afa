"""Locks of requirements: every `requirements*.in` of a project, compiled with hashes beside it.

uv resolves (`--universal`: one lock for every platform and patch release). A lock is always
compiled into a temporary folder, seeded with the pins that are there, so that pins stay and a check
changes nothing; the result replaces the lock whole, and only when it differs.
"""

from __future__ import annotations

import contextlib
import difflib
import graphlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.model import exitcodes

COMMAND = "inv compile-deps"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_URL_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*@\s*(\S+)")
_INCLUDE = re.compile(r"^(?:-r|-c|--requirement|--constraint)[\s=]*(.+?)\s*(?:\s#.*)?$")
_LEAST = re.compile(r"(?:>=|~=|===?)\s*(\d+\.\d+)")
_INDEX_LINE = re.compile(r"^\s*(?:--(?:extra-)?index-url|--find-links|--trusted-host|# from )")
_URL = re.compile(r"https?://\S+")
_UNREACHABLE = re.compile(
    r"error sending request|dns error|[Cc]onnection refused|timed out|network was disabled"
    r"|Network is unreachable|Request failed after"
)
_UV_LIMIT_S = 600
_DIFF_LINES = 10
_RESOLUTION_FAILED = 1


class Standing(StrEnum):
    """How a lock stands to its source."""

    FRESH = "fresh"
    STALE = "stale"
    WRITTEN = "written"


@dataclass(frozen=True, slots=True)
class Change:
    """A package whose pin changed; empty for none. Several versions are separated by `, `."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Lock:
    """What became of one lock. ``name`` and ``source`` are file names in the project's root."""

    name: str
    source: str
    standing: Standing
    why: str = ""
    changes: tuple[Change, ...] = ()
    diff: tuple[str, ...] = ()
    """When no pin changed: the first lines that differ."""


@dataclass(frozen=True, slots=True)
class Project:
    """Where to compile: the root, uv's command, and the oldest Python that the locks are for."""

    root: Path
    uv: str
    python: str
    environ: Mapping[str, str]


def project(root: Path, environ: Mapping[str, str]) -> Project:
    """Look for uv and the minimum Python; `WalkawayError` 69 without uv, 64 on a bad pyproject."""
    return Project(root, find_uv(), minimum_python(root), environ)


def find_uv() -> str:
    """Return this environment's uv, else the one on PATH; `WalkawayError` 69 when there is none."""
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
            "uv is not here, and it is what compiles the locks.\n"
            f"Install it beside Invoke: {sys.executable} -m pip install uv"
        )
        raise WalkawayError(message, exitcodes.NOT_STARTABLE)
    return on_path


def minimum_python(root: Path) -> str:
    """Return the least Python that pyproject.toml requires (`3.11`), else this Python's."""
    path = root / "pyproject.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        data = {}
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read: {error}.\nMend it, then again: {COMMAND}"
        raise WalkawayError(message, exitcodes.WRONG_USE) from error
    table = data.get("project")
    wanted = table.get("requires-python") if isinstance(table, dict) else None
    found = _LEAST.search(wanted) if isinstance(wanted, str) else None
    return found[1] if found else f"{sys.version_info.major}.{sys.version_info.minor}"


def sources(root: Path) -> list[str]:
    """Return the requirements*.in of a root, each after those that it includes."""
    names = sorted(path.name for path in root.glob("requirements*.in") if path.is_file())
    owners = {name: name for name in names} | {lock_name(name): name for name in names}
    graph = {name: [owners[other] for other in _includes(root / name) if other in owners]
             for name in names}  # fmt: skip
    try:
        return list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError:
        return names  # uv says what is wrong with it


def lock_name(source: str) -> str:
    """Return the lock beside a source."""
    return source.removesuffix(".in") + ".txt"


def _includes(path: Path) -> list[str]:
    found = (_INCLUDE.match(line.strip()) for line in _text(path).splitlines())
    return [os.path.normpath(match[1].strip("\"'")) for match in found if match]


def check(where: Project) -> list[Lock]:
    """Compare every lock with what compiling it now would give; changes nothing.

    What the cache knows is asked first: if it leads to the very lock that is there, no network is
    needed. Anything else is decided with the index.
    """
    return [_checked(where, source) for source in sources(where.root)]


def _checked(where: Project, source: str) -> Lock:
    name = lock_name(source)
    if not (where.root / name).is_file():
        return Lock(name, source, Standing.STALE, why="it is not there")
    old = _text(where.root / name)
    with contextlib.suppress(WalkawayError):
        if body(_compiled(where, source, old, "--offline")) == body(old):
            return Lock(name, source, Standing.FRESH)
    return _compared(name, source, old, _compiled(where, source, old), Standing.STALE)


def compile_all(where: Project, *, upgrade: bool = False) -> list[Lock]:
    """Compile every lock, in order; one whose contents stay is not touched."""
    found = []
    for source in sources(where.root):
        name = lock_name(source)
        path = where.root / name
        old = _text(path)
        new = _compiled(where, source, old, *(["--upgrade"] if upgrade else []))
        lock = _compared(name, source, old, new, Standing.WRITTEN)
        if lock.standing is not Standing.FRESH or not path.is_file():
            _replace(path, new)
        found.append(lock)
    return found


def _compared(name: str, source: str, old: str, new: str, otherwise: Standing) -> Lock:
    if old and body(old) == body(new):
        return Lock(name, source, Standing.FRESH)
    before, after = pins(old), pins(new)
    changes = tuple(
        Change(package, before.get(package, ""), after.get(package, ""))
        for package in sorted(before.keys() | after.keys())
        if before.get(package) != after.get(package)
    )
    lines = difflib.unified_diff(body(old), body(new), lineterm="", n=0)
    diff = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    why = "hashes, markers or comments" if old else "it was not there"
    shown = () if changes else tuple(diff[:_DIFF_LINES])
    return Lock(name, source, otherwise, why, changes, shown)


def body(text: str) -> list[str]:
    """Return the lines of a lock without its header: who compiled it is no difference."""
    lines = text.splitlines()
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return lines


def pins(text: str) -> dict[str, str]:
    """Return package names, normalised, with their version or URL."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        match = _PIN.match(line) or _URL_PIN.match(line)
        if match:
            found.setdefault(re.sub(r"[-_.]+", "-", match[1]).lower(), []).append(match[2])
    return {name: ", ".join(dict.fromkeys(versions)) for name, versions in found.items()}


def seeded(own: str, bases: Sequence[str]) -> str:
    """Return pins to prefer: those of included locks first, so that layers agree."""
    taken: set[str] = set()
    lines: list[str] = []
    for text in (*bases, own):
        keep = False
        names = pins(text).keys()
        for line in body(text):
            match = _PIN.match(line) or _URL_PIN.match(line)
            if match:
                keep = re.sub(r"[-_.]+", "-", match[1]).lower() not in taken
            if keep:
                lines.append(line)
        taken |= names
    return "".join(f"{line}\n" for line in lines)


def _compiled(where: Project, source: str, old: str, *options: str) -> str:
    """Return the lock that uv makes of a source now."""
    owners = {lock_name(name): name for name in sources(where.root)}
    included = [lock_name(name) if name.endswith(".in") else name
                for name in _includes(where.root / source)]  # fmt: skip
    bases = [_text(where.root / name) for name in included if name in owners]
    with tempfile.TemporaryDirectory(prefix="walkaway-lock-") as folder:
        output = Path(folder) / lock_name(source)
        seed = seeded(old, bases)
        if seed:
            output.write_text(seed, encoding="utf-8")
        _uv(where, source, output, options)
        return "".join(line for line in _text(output).splitlines(keepends=True)
                       if not _INDEX_LINE.match(line))  # fmt: skip


def _uv(where: Project, source: str, output: Path, options: Sequence[str]) -> None:
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
        message = f"{source}: uv has no answer after {minutes} minutes. Is the index reachable?"
        raise WalkawayError(message, exitcodes.LIMIT) from error
    except OSError as error:
        message = f"{where.uv} cannot be run: {error.strerror}."
        raise WalkawayError(message, exitcodes.NOT_STARTABLE) from error
    if done.returncode:
        raise _refused(source, done.stderr)


def _refused(source: str, said: str) -> WalkawayError:
    """Return why uv failed: unreachable index, requirements that cannot be met, or misspelt."""
    if _UNREACHABLE.search(said):
        message = (
            f"{source} cannot be resolved: no package index can be reached.\n"
            f"Connect, or set HTTPS_PROXY or UV_DEFAULT_INDEX, then again: {COMMAND}"
        )
        return WalkawayError(message, exitcodes.NOT_STARTABLE)
    told = _told(said)[:2]
    if "No solution found" in said:
        message = f"{source} cannot be met: {told[-1][:300]}\nLoosen it, then again: {COMMAND}"
        return WalkawayError(message, _RESOLUTION_FAILED)
    why = ": ".join(told)[:400]
    return WalkawayError(f"{source} cannot be compiled: {why}", exitcodes.WRONG_USE)


def _told(said: str) -> list[str]:
    """Return uv's error and its causes, a line each: it wraps them at a terminal's width."""
    found: list[str] = []
    for line in _URL.sub("(the index)", said).splitlines():
        word, _, rest = line.strip().partition(": ")
        if word in {"error", "cause"}:
            found.append(rest)
        elif word == "hint":
            break
        elif found and line.strip(" ^"):
            found[-1] += f" {line.strip()}"
    return found or ["uv said nothing"]


def _replace(path: Path, text: str) -> None:
    """Replace a lock whole: a kill leaves the old one or the new one. A symlink stays one."""
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except OSError as error:
        message = f"{path.name} cannot be written: {error.strerror}."
        raise WalkawayError(message, exitcodes.CANNOT_RECORD) from error
    finally:
        temporary.unlink(missing_ok=True)


def _text(path: Path) -> str:
    """Return a file's text; nothing when it is not there. `WalkawayError` 64 when unreadable."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read: {error}."
        raise WalkawayError(message, exitcodes.WRONG_USE) from error
