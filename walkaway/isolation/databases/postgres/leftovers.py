"""What is on a server under our names, and how that goes which nobody owns any more."""

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
class Kept:
    """What is noted at a template for later runs: its schema's fingerprint, and who made it."""

    fingerprint: str
    run: str

    @classmethod
    def read(cls, comment: str) -> Kept | None:
        try:
            found = json.loads(comment)
            return cls(found["fingerprint"], found["run"])
        except (ValueError, TypeError, KeyError):
            return None

    def __str__(self) -> str:
        return json.dumps({"fingerprint": self.fingerprint, "run": self.run})


def listed(owner: Owner, base: Base) -> Iterator[tuple[str, Kept | None]]:
    """Return the databases of a base; with what is noted at templates that wait for later runs."""
    for name, comment in owner.ask(_LISTED, base.pattern):
        yield name, Kept.read(comment) if name.endswith(f"_{TEMPLATE}") else None


def reap(owner: Owner, base: Base, spared: Callable[[str, Kept | None], bool]) -> None:
    """Drop the databases of a base whose lock is free; ``spared`` are those to leave all the same.

    They must be whatever this very connection owns: a lock is free for who holds it.
    """
    for name, kept in listed(owner, base):
        if not spared(name, kept) and owner.try_lock(name):
            try:
                owner.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            finally:
                owner.unlock(name)


def reap_after(url: URL) -> None:
    """Drop what crashed workers of a run left, now that nobody of it is there to do so."""
    owner = Owner(url)
    try:
        reap(owner, Base.of(urls.base_name(url)), lambda _name, kept: kept is not None)
    finally:
        owner.close()
