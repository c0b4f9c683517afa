"""A copy of a SQLite file that others have open, and the way back."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy.engine import URL

from walkaway.isolation.databases.provider import NotPutBackError

WAIT_S = 3.0


class SqliteCopy:
    """A `Copy`, by SQLite's own means: connections stay, and see what was put back."""

    def __init__(self, url: URL) -> None:
        self._path = Path(url.database or "")
        self._folder = tempfile.TemporaryDirectory(prefix="walkaway-")
        self._copy = Path(self._folder.name) / self._path.name
        written_over(self._path, self._copy)

    def put_back(self) -> None:
        if not written_over(self._copy, self._path):
            raise NotPutBackError(f"{self._path} is locked by a connection that still writes")

    def close(self) -> None:
        self._folder.cleanup()


def written_over(source: Path, target: Path) -> bool:
    """Give a file the content of another, if nobody is in the way; whoever has it open sees it.

    A file that took its place would not do: pools would go on writing into the one that is gone.
    """
    with (
        contextlib.closing(sqlite3.connect(source)) as read,
        contextlib.closing(sqlite3.connect(target, timeout=WAIT_S, isolation_level=None)) as write,
    ):
        write.execute("PRAGMA synchronous = OFF")  # who loses power loses the run
        try:
            write.execute("BEGIN IMMEDIATE")  # backup() itself would wait for ever
            write.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        read.backup(write)
        return True
