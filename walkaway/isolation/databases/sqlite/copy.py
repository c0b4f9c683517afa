"""A copy of a SQLite file that others have open, and the way back."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy.engine import URL


class SqliteCopy:
    """A `Copy`, by SQLite's own means: connections stay, and see what was put back."""

    def __init__(self, url: URL) -> None:
        self._path = Path(url.database or "")
        self._folder = tempfile.TemporaryDirectory(prefix="walkaway-")
        self._copy = Path(self._folder.name) / self._path.name
        _written(self._path, self._copy)

    def put_back(self) -> None:
        _written(self._copy, self._path)

    def close(self) -> None:
        self._folder.cleanup()


def _written(source: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as read,
        contextlib.closing(sqlite3.connect(target)) as write,
    ):
        read.backup(write)
