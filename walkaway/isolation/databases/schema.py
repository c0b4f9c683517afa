"""The initial contents of a test database: tables, and rows that all tests may rely on."""

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
    """The schema that a project's `database_schema` fixture returns. Build it with `of` or `by`."""

    create: Callable[[Connection], object]
    """Creates the schema in an empty database. Uncommitted work is committed for it."""
    fingerprint: Callable[[URL], str | None]
    """Decides under --reuse-db whether a kept database still fits. Returns None when the project
    gave nothing to decide by.
    """

    @classmethod
    def of(cls, metadata: MetaData) -> Schema:
        """Return the schema of a SQLAlchemy MetaData: its tables and no rows."""

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
        """Return a schema that a function creates: migrations, a dump, reference rows.

        Alembic: ``lambda connection: (config.attributes.update(connection=connection),
        command.upgrade(config, "head"))``, if env.py uses that connection.

        Args:
            create: Gets a connection to an empty database. Must be synchronous.
            fingerprint: Any text that changes when the result of ``create`` changes.
            files: Files and folders whose content changes when the result does; instead of
                ``fingerprint`` or in addition. Read only under --reuse-db.

        Raises:
            TypeError: ``create`` is a coroutine function.
        """
        if inspect.iscoroutinefunction(create):
            raise TypeError("Schema.by(create): its connection is synchronous, write def create")
        paths = [Path(path) for path in files]

        def fingerprint_of(_url: URL) -> str | None:
            if not fingerprint and not paths:
                return None
            return _digest([fingerprint.encode(), *_contents(paths)])

        return cls(create, fingerprint_of)


def _ddl(metadata: MetaData, url: URL) -> str:
    """Return the DDL that create_all would send to a server of this kind."""
    from sqlalchemy import create_mock_engine

    statements: list[str] = []

    def collect(statement: ExecutableDDLElement, *_values: object, **_more: object) -> None:
        statements.append(str(statement.compile(dialect=dialect)))

    dialect = url.get_dialect()()
    metadata.create_all(create_mock_engine(url, collect), checkfirst=False)
    return ";".join(statements)


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
