"""List our databases on a server, and drop those that nobody owns any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy.engine import URL

from walkaway.isolation.databases import urls
from walkaway.isolation.databases.names import TEMPLATE, Base
from walkaway.isolation.databases.postgres.locks import Owner

_LISTED = (
    "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database "
    "WHERE datname ~ %s ORDER BY datname"
)


@dataclass(frozen=True, slots=True)
class TemplateNote:
    """The note on a template kept for later runs: its schema's fingerprint and the run's id."""

    fingerprint: str
    run: str

    @classmethod
    def read(cls, comment: str) -> TemplateNote | None:
        try:
            found = json.loads(comment)
            return cls(found["fingerprint"], found["run"])
        except (ValueError, TypeError, KeyError):
            return None

    def __str__(self) -> str:
        return json.dumps({"fingerprint": self.fingerprint, "run": self.run})


def listed(owner: Owner, base: Base) -> Iterator[tuple[str, TemplateNote | None]]:
    """Yield the databases of a base, each with its note if it is a template kept for later runs."""
    for name, comment in owner.ask(_LISTED, base.pattern):
        yield name, TemplateNote.read(comment) if name.endswith(f"_{TEMPLATE}") else None


def reap(owner: Owner, base: Base, spared: Callable[[str, TemplateNote | None], bool]) -> None:
    """Drop the databases of a base whose lock is free, except those that ``spared`` accepts.

    ``spared`` must accept everything that this connection owns, because the holder of a lock can
    take it again.
    """
    for name, note in listed(owner, base):
        if not spared(name, note) and owner.try_lock(name):
            try:
                owner.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            finally:
                owner.unlock(name)


def reap_after(url: URL) -> None:
    """Drop what crashed workers of a run left, now that no process of that run does it."""
    owner = Owner(url)
    try:
        reap(owner, Base.of(urls.base_name(url)), lambda _name, note: note is not None)
    finally:
        owner.close()
