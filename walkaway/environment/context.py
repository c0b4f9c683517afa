"""A build context: what would be sent to the engine, its size and its fingerprint.

Excluded folders are not entered: a few thousand files take some 20 ms.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from walkaway.environment import ignore

_NOTABLE_BYTES = 1024 * 1024
"""Smaller files are not named as the reason for a large context."""
_OURS = frozenset({"logs/tests"})
"""Folders that every run writes to, like Python's caches.

No reason for a build, even where they are sent.
"""


@dataclass(frozen=True, slots=True)
class Context:
    """What is sent: sizes in bytes by path (folders, and large files), and a fingerprint."""

    files: int
    size_bytes: int
    digest: str
    sizes: dict[str, int] = field(default_factory=dict)

    def culprits(self) -> list[tuple[str, int]]:
        """Return what makes the context large: one path that is half of it, or the top three.

        The deepest such path: for `app/static/video.mp4` nobody wants to exclude `app`.
        """
        path, size = "", self.size_bytes
        while True:
            inside = self._below(path)
            if not inside or inside[0][1] * 2 < self.size_bytes:
                break
            path, size = inside[0]
        return [(path, size)] if path else self._below("")[:3]

    def _below(self, folder: str) -> list[tuple[str, int]]:
        head = f"{folder}/" if folder else ""
        found = [
            (path, size)
            for path, size in self.sizes.items()
            if path.startswith(head) and "/" not in path[len(head) :]
        ]
        return sorted(found, key=lambda row: (-row[1], row[0]))


def ignore_file(root: Path, dockerfile: Path) -> Path:
    """Return the context's ignore file: the Dockerfile's own, otherwise the common one."""
    own = dockerfile.with_name(dockerfile.name + ".dockerignore")
    return own if own.is_file() else root / ".dockerignore"


def read(root: Path, dockerfile: Path) -> Context:
    """Walk a context. Skip what cannot be read: the engine will report it."""
    try:
        text = ignore_file(root, dockerfile).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        text = ""
    walk = _Walk(str(root), ignore.parse(text))
    size = walk.enter("", -1)
    walk.digest.update(text.encode(errors="surrogateescape"))
    return Context(walk.files, size, walk.digest.hexdigest(), walk.sizes)


class _Walk:
    """One walk through a context."""

    def __init__(self, root: str, rules: ignore.Rules) -> None:
        self.root = root
        self.rules = rules
        self.files = 0
        self.sizes: dict[str, int] = {}
        self.digest = hashlib.blake2b(digest_size=16)

    def enter(self, folder: str, inherited: int, *, unmarked: bool = False) -> int:
        """Add a folder's entries, in order. Return the bytes in it.

        If ``unmarked``, they count as sent but leave the fingerprint unchanged.
        """
        total = 0
        rules = self.rules
        try:
            with os.scandir(f"{self.root}/{folder}") as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return 0
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            index = rules.last_match(path, inherited)
            kept = not rules.excludes(index)
            if entry.is_dir(follow_symlinks=False):
                hidden = unmarked or path in _OURS or entry.name == "__pycache__"
                if kept and not hidden:
                    self._folder(entry, path)
                if kept or rules.may_return(path, index):
                    size = self.enter(path, index, unmarked=hidden)
                    if size:
                        self.sizes[path] = size
                    total += size
            elif kept:
                total += self._file(entry, path, unmarked=unmarked)
        return total

    def _folder(self, entry: os.DirEntry[str], path: str) -> None:
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError:
            return
        self._add(f"{path}/\0{mode}\n")

    def _file(self, entry: os.DirEntry[str], path: str, *, unmarked: bool) -> int:
        try:
            found = entry.stat(follow_symlinks=False)
            target = os.readlink(entry.path) if stat.S_ISLNK(found.st_mode) else ""  # noqa: PTH115 - a Path for each file would double the time
        except OSError:
            return 0
        if stat.S_ISSOCK(found.st_mode):
            return 0  # sockets are never sent
        # Compare ctime, which nobody can set back: `cp -p` and `touch -d` keep an old mtime on new
        # contents.
        if not unmarked:
            self._add(f"{path}\0{found.st_size} {found.st_ctime_ns} {found.st_mode} {target}\n")
        self.files += 1
        size = 0 if target else found.st_size
        if size >= _NOTABLE_BYTES:
            self.sizes[path] = size
        return size

    def _add(self, line: str) -> None:
        self.digest.update(line.encode(errors="surrogateescape"))
