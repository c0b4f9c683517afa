"""A copy of a SQLite file that others have open, and how to restore from it."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy.engine import URL

from walkaway.isolation.databases.provider import NotPutBackError

WAIT_S = 3.0


class SqliteCopy:
    """A `Copy` made with SQLite's backup: connections stay open and see the restored contents."""

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
    """Overwrite the contents of one database with another's. Return False if it is locked.

    Everyone who has the target open sees the change. Replacing the file would not do: pools would
    go on writing to the deleted one.
    """
    with (
        contextlib.closing(sqlite3.connect(source)) as read,
        contextlib.closing(sqlite3.connect(target, timeout=WAIT_S, isolation_level=None)) as write,
    ):
        write.execute("PRAGMA synchronous = OFF")  # a power cut loses the run anyway
        try:
            write.execute("BEGIN IMMEDIATE")  # backup() itself would wait for ever
            write.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        read.backup(write)
        return True
