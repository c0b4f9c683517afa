"""Documents as files under one root. Nothing outside it is read, written or told of."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 ._-]{0,99}")
_DEPTH = 8


class PathError(ValueError):
    """This is no path of a document; the text says why."""


@dataclass(frozen=True, slots=True)
class Folder:
    """`root` is absolute and free of links."""

    root: Path

    def file(self, path: str) -> Path:
        """Return where a document is or would be. `PathError` for all that leads elsewhere."""
        names = path.split("/")
        if len(names) > _DEPTH or not all(map(_NAME.fullmatch, names)):
            raise PathError("a path is of names of letters, digits, '.', '_', '-' and blanks")
        target = self.root.joinpath(*names)
        if target.resolve() != target:
            raise PathError("a path must not lead through links")
        return target

    def paths(self) -> list[str]:
        """Return the paths of all documents, sorted."""
        found = []
        for folder, _, names in os.walk(self.root):
            found += [Path(folder, name).relative_to(self.root).as_posix() for name in names]
        return sorted(path for path in found if self._is_document(path))

    def _is_document(self, path: str) -> bool:
        try:
            return self.file(path).is_file()
        except PathError:
            return False

    def read(self, path: str) -> str | None:
        """Return a document; None if there is none. What is no UTF-8 is shown as such."""
        try:
            return self.file(path).read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def documents(self) -> Iterator[tuple[str, str]]:
        """Yield path and content of all documents that are still there when their turn comes."""
        for path in self.paths():
            content = self.read(path)
            if content is not None:
                yield path, content

    def write(self, path: str, content: str) -> bool:
        """Put a document, whole or not at all; whether it is new. `PathError` if a folder is so."""
        target = self.file(path)
        # No document's name begins with a dot: nobody lists or reads it half written.
        half = target.with_name(f".{secrets.token_hex(8)}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            half.write_text(content, encoding="utf-8")
            new = not target.exists()
            half.replace(target)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise PathError("a document cannot be a folder as well") from None
        finally:
            with contextlib.suppress(OSError):
                half.unlink()
        return new

    def remove(self, path: str) -> bool:
        """Remove a document; whether there was one. Its folder stays."""
        target = self.file(path)
        if not target.is_file():
            return False
        target.unlink(missing_ok=True)
        return True
