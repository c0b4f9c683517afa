"""What a test database is made of: tables, and rows that all tests may count on."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData
    from sqlalchemy.engine import URL
    from sqlalchemy.schema import ExecutableDDLElement

CREATE = "Schema.by(create, fingerprint=…) or Schema.by(create, files=[…])"


@dataclass(frozen=True, slots=True)
class Schema:
    """Made by `of` or `by`; what the fixture `database_schema` of a project returns."""

    create: Callable[[Connection], object]
    """Makes it in an empty database. What it leaves uncommitted is committed for it."""
    fingerprint: Callable[[URL], str | None]
    """What decides under --reuse-db whether a database of an earlier run still fits; None: never
    said."""

    @classmethod
    def of(cls, metadata: MetaData) -> Schema:
        """Return the schema of a SQLAlchemy MetaData: its tables, and no rows."""

        def create(connection: Connection) -> None:
            metadata.create_all(connection)

        return cls(create, lambda url: _digest([_ddl(metadata, url).encode()]))

    @classmethod
    def by(
        cls,
        create: Callable[[Connection], object],
        *,
        fingerprint: str = "",
        files: Iterable[str | Path] = (),
    ) -> Schema:
        """Return a schema that a function makes: migrations, a dump, reference rows.

        Alembic: ``lambda connection: (config.attributes.update(connection=connection),
        command.upgrade(config, "head"))``, if env.py uses that connection.

        Args:
            create: Given a connection to an empty database.
            fingerprint: Any text that changes when what ``create`` makes changes.
            files: Instead or as well: files, or folders with all that is in them, whose content
                does so. Read only under --reuse-db.
        """
        if inspect.iscoroutinefunction(create):
            raise TypeError("Schema.by(create): its connection is synchronous, write def create")
        paths = [Path(path) for path in files]

        def said(_url: URL) -> str | None:
            if not fingerprint and not paths:
                return None
            return _digest([fingerprint.encode(), *_contents(paths)])

        return cls(create, said)


def _ddl(metadata: MetaData, url: URL) -> str:
    """Return all that create_all would say to a server of this kind."""
    from sqlalchemy import create_mock_engine

    said: list[str] = []

    def say(statement: ExecutableDDLElement, *_values: object, **_more: object) -> None:
        said.append(str(statement.compile(dialect=dialect)))

    dialect = url.get_dialect()()
    metadata.create_all(create_mock_engine(url, say), checkfirst=False)
    return ";".join(said)


def _contents(paths: Iterable[Path]) -> Iterable[bytes]:
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in found:
            if file.is_file() and "__pycache__" not in file.parts:
                yield str(file.relative_to(path.parent)).encode()
                yield file.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8) + part)
    return whole.hexdigest()[:16]
