"""The fingerprint of a source tree: equal fingerprints mean equal code under test.

It takes up to 0.4 s on 100,000 files (git status). So a child of the supervisor takes it in
parallel with pytest's start; a start takes one itself only to compare with a live run that has the
same command.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

_IGNORED_PARTS = frozenset({"__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".git"})
_IGNORED_ENDS = (".pyc", ".testmondata", ".testmondata-shm", ".testmondata-wal", ".coverage")
_HASHED_BYTES = 1 << 20
_MOST_FILES = 20_000
_MOST_NAMED = 2_000
_GIT_TIMEOUT_S = 60.0
_EVER = float("inf")
_CLOCK_TICK_S = 0.02
"""File times come from a clock that ticks every 1 to 10 ms, so they lag behind."""


class Tree(NamedTuple):
    """A tree's fingerprint; ``dirty`` maps paths that differ from HEAD to a mark of their content.

    An empty fingerprint means "not known".
    """

    fingerprint: str
    head: str
    dirty: dict[str, str]


def fingerprint(root: str, until: float = _EVER) -> Tree:
    """Return the fingerprint of HEAD and every file that differs from it; without git, all files.

    ``until``: give up at this monotonic time with `TimeoutError`.
    """
    status = _git(
        root, "status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all", until=until
    )
    if status is None:
        return _without_git(root, until)
    head, paths = _changed(status)
    dirty = _marks(_top(root, until), paths, until) if paths else {}
    return Tree(_digest(head, dirty), head[:12], dirty)


def differing_from(root: str, commit: str, until: float = _EVER) -> dict[str, str] | None:
    """Return the files that differ from a commit, with a mark of their content; None if unknown.

    This is what `Tree.dirty` would be if ``commit`` were still HEAD. Raises `TimeoutError` after
    ``until``.
    """
    base = _top(root, until)
    tracked = _git(
        base, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", commit, "--",
        until=until,
    )  # fmt: skip
    others = _git(base, "ls-files", "-z", "--others", "--exclude-standard", until=until)
    if tracked is None or others is None:
        return None
    paths = {os.fsdecode(path) for path in (tracked + others).split(b"\0") if path}
    return _marks(base, sorted(paths), until)


def _top(root: str, until: float) -> str:
    top = _git(root, "rev-parse", "--show-toplevel", until=until)
    return os.fsdecode(top.rstrip(b"\n")) if top else root


def _marks(base: str, paths: list[str], until: float) -> dict[str, str]:
    found = {}
    for path in paths:
        if not _ignored(path):
            _check(until)
            found[path] = _mark(os.path.join(base, path), until)
    return found


def _check(until: float) -> None:
    if time.monotonic() > until:
        raise TimeoutError


def edited_between(root: str, tree: Tree, after_s: float, until_s: float) -> bool:
    """Return whether a file of the tree changed between two wall-clock times, in seconds.

    A run begins before its fingerprint is taken, so an edit in between is in the fingerprint but
    perhaps not in the run.
    """
    base, paths = root, list(tree.dirty)
    if tree.head:
        base = _top(root, _EVER)
        # After a commit, checkout or reset the changed files no longer differ from HEAD; the
        # reflog shows it.
        paths.append(os.path.join(".git", "logs", "HEAD"))
    elif not paths:
        paths = list(_files(root))
    times = (_changed_s(os.path.join(base, path)) for path in paths)
    return any(after_s - _CLOCK_TICK_S < changed <= until_s for changed in times)


def _changed_s(path: str) -> float:
    """Return a file's ctime; for a deleted file, its folder's."""
    for name in (path, os.path.dirname(path)):
        try:
            return os.lstat(name).st_ctime
        except OSError:
            continue
    return 0.0


def _git(root: str, *words: str, until: float) -> bytes | None:
    left_s = until - time.monotonic()
    _check(until)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    # --no-optional-locks: this must never make a user's own git command fail.
    command = ["git", "--no-optional-locks", "-C", root, *words]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=min(_GIT_TIMEOUT_S, left_s), env=environ, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        _check(until)
        return None
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _changed(status: bytes) -> tuple[str, list[str]]:
    """Parse `git status --porcelain=v2 -z --branch`: return the commit and the changed paths."""
    head = ""
    paths = []
    entries = iter(status.split(b"\0"))
    for entry in entries:
        kind = entry[:1]
        if entry.startswith(b"# branch.oid "):
            head = entry[13:].decode()
        elif kind == b"1":
            paths.append(entry.split(b" ", 8)[8])
        elif kind == b"2":
            paths.append(entry.split(b" ", 9)[9])
            paths.append(next(entries, b""))
        elif kind == b"u":
            paths.append(entry.split(b" ", 10)[10])
        elif kind == b"?":
            paths.append(entry[2:])
    return head, [os.fsdecode(path) for path in paths if path]


def _ignored(path: str) -> bool:
    return path.endswith(_IGNORED_ENDS) or not _IGNORED_PARTS.isdisjoint(path.split("/"))


def _mark(path: str, until: float) -> str:
    """Return a mark of a file's content: its hash; for a large file, its size and time."""
    try:
        status = os.lstat(path)
        if os.path.islink(path):
            return "link " + os.readlink(path)
        if os.path.exists(os.path.join(path, ".git")):
            return fingerprint(
                path, until
            ).fingerprint  # a submodule, or a repository inside this one
        if status.st_size > _HASHED_BYTES or not os.path.isfile(path):
            return f"{status.st_size} {status.st_mtime_ns}"
        with open(path, "rb") as file:
            return hashlib.blake2b(file.read(), digest_size=12).hexdigest()
    except OSError:
        return "gone"


def _digest(head: str, dirty: dict[str, str]) -> str:
    digest = hashlib.blake2b(head.encode(), digest_size=12)
    for path in sorted(dirty):
        digest.update(f"\0{path}\0{dirty[path]}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _without_git(root: str, until: float) -> Tree:
    """Return a tree marked by size and time of every file; empty with more than 20,000 files."""
    marks: dict[str, str] = {}
    for path in _files(root):
        _check(until)
        try:
            status = os.lstat(os.path.join(root, path))
        except OSError:
            continue
        marks[path] = f"{status.st_size} {status.st_mtime_ns}"
        if len(marks) > _MOST_FILES:
            return Tree("", "", {})
    # Without git nothing is "dirty", but in a small tree the names show what was edited.
    return Tree(_digest("", marks), "", marks if len(marks) <= _MOST_NAMED else {})


def _files(root: str) -> Iterator[str]:
    """Yield the relevant files below root, relative to it."""
    for folder, names, files in os.walk(root):
        names[:] = [
            n
            for n in names
            if n not in _IGNORED_PARTS and n not in {"node_modules", "logs"}
            and not os.path.exists(os.path.join(folder, n, "pyvenv.cfg"))
        ]  # fmt: skip
        for name in files:
            path = os.path.relpath(os.path.join(folder, name), root)
            if not _ignored(path):
                yield path
