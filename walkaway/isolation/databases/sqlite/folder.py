"""The databases of one process as files, copied from a template made once for all workers.

No lock is held longer than one operation: a copy depends on nobody, the files of a run are in
pytest's temporary folder, which rotates, and what is kept for later runs is complete when it is
renamed into place.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from walkaway.isolation.databases import urls
from walkaway.isolation.databases.names import Base
from walkaway.isolation.databases.provider import Keeping, RefusedError
from walkaway.isolation.databases.schema import CREATE, Schema
from walkaway.isolation.databases.sqlite.copy import written_over
from walkaway.isolation.databases.sqlite.probe import SqliteProbe

_SUFFIX = ".sqlite"
_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders for files: this process's, those shared by its run, and those kept for later runs."""

    mine: Path
    common: Path
    kept: Path


class Folder:
    """A `Home` for SQLite files."""

    def __init__(
        self, url: URL, schema: Schema, run: str, keeping: Keeping, folders: Folders
    ) -> None:
        self._url = url
        self._schema = schema
        self._run = run
        self._slug = Base.of(urls.base_name(url)).slug
        self._mine = folders.mine
        self._template = folders.common / f"walkaway-{self._slug}-{run}-template{_SUFFIX}"
        with _alone(self._template):
            if not self._template.exists():
                if keeping.reuse:
                    self._take_kept(folders.kept, anew=keeping.create)
                else:
                    self._build(self._template)

    def clone(self, role: str) -> URL:
        path = self._mine / f"walkaway_{self._slug}_{role}{_SUFFIX}"
        shutil.copyfile(self._template, path)
        return self._url.set(database=str(path))

    def renew(self, url: URL) -> None:
        path = Path(url.database or "")
        if not written_over(self._template, path):
            self.drop(url)
            shutil.copyfile(self._template, path)

    def drop(self, url: URL) -> None:
        for end in ("", *_BESIDE):
            Path(f"{url.database}{end}").unlink(missing_ok=True)

    def close(self) -> None:
        """Do nothing: pytest removes its temporary folders of older runs, templates included."""

    def probe(self, url: URL) -> SqliteProbe:
        return SqliteProbe(url)

    def _take_kept(self, folder: Path, *, anew: bool) -> None:
        """Copy the kept template of this schema, building it if needed.

        Deletes the templates of other schemas.
        """
        fingerprint = self._schema.fingerprint(self._url)
        if fingerprint is None:
            raise RefusedError(f"--reuse-db cannot tell when the schema changed: write {CREATE}")
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / f"{self._slug}-{fingerprint}{_SUFFIX}"
        with _alone(folder / self._slug):
            for other in folder.glob(f"{self._slug}-*"):
                if other != kept:  # half-built ones of killed runs too: nobody else is in here
                    other.unlink()
            if anew or not kept.exists():
                self._build(kept)
            _copy_whole(kept, self._template)

    def _build(self, target: Path) -> None:
        """Build the template under another name, and rename it when it is complete."""
        from sqlalchemy import NullPool, create_engine, event

        building = target.with_name(f"{target.name}.building")
        self.drop(self._url.set(database=str(building)))
        engine = create_engine(self._url.set(database=str(building)), poolclass=NullPool)
        event.listen(engine, "connect", _unsafe)
        with engine.connect() as connection:
            self._schema.create(connection)
            connection.commit()
        _settle(building)
        building.replace(target)


def _unsafe(connection: sqlite3.Connection, _record: object) -> None:
    """Turn off the flush to disk after every statement; `_settle` flushes once at the end."""
    connection.execute("PRAGMA synchronous = OFF")


def _settle(path: Path) -> None:
    """Gather everything into the one file, and turn on WAL for it and its copies.

    With WAL, readers and a writer work side by side. In the other journal modes a test's open
    transaction keeps every other thread from committing.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = WAL")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _copy_whole(source: Path, target: Path) -> None:
    partial = target.with_name(f"{target.name}.copying")
    shutil.copyfile(source, partial)
    partial.replace(target)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold an exclusive lock for work on a file. The lock ends with its process."""
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
