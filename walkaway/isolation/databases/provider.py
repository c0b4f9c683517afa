"""Where the databases of a run are made: the seam between fixtures and kinds of databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.engine import URL

from walkaway.isolation.databases.snapshot import Emptying, Links, Picture


@dataclass(frozen=True, slots=True)
class Keeping:
    """What becomes of the template: --reuse-db keeps it, --create-db makes it anew all the same."""

    reuse: bool = False
    create: bool = False


class Home(Protocol):
    """Makes and removes databases of one process; each is as the schema made it."""

    def clone(self, role: str) -> URL:
        """Make a database; its name is made of the role, and of the run unless that is implied."""

    def renew(self, url: URL) -> None:
        """Make a database that `clone` made anew, under the same URL; whoever is in it loses it."""

    def drop(self, url: URL) -> None:
        """Remove a database, whoever is in it."""

    def close(self) -> None:
        """Leave: what is no longer anyone's goes."""

    def probe(self, url: URL) -> Probe:
        """Open an own connection to a database, for looks from outside."""


class Probe(Protocol):
    """A connection of its own to one database, which sees what is committed there."""

    def committed(self) -> bool:
        """Tell whether anyone but `empty` may have committed since `picture` or this was asked.

        Never False if anyone has; the first answer is True.
        """

    def picture(self) -> Picture: ...

    def sequences(self) -> Mapping[str, int | None]:
        """Return what of a picture no commit is needed for to change; after one was taken."""

    def links(self) -> Links: ...

    def empty(self, what: Emptying) -> None:
        """Empty tables and put sequences back; `LockedError` if someone is in the way."""

    def close(self) -> None: ...


class Copy(Protocol):
    """A database as it was when this was made, where others made it."""

    def put_back(self) -> None:
        """Have the copy take the place of the database; once."""

    def close(self) -> None:
        """Remove the copy if it was not needed."""


class RefusedError(ValueError):
    """No test databases can be made as things are; the text says what to write."""


class NotPutBackError(Exception):
    """A database stays as a test left it; the text says why, and what to write."""


class LockedError(Exception):
    """The clean-up waits for someone who still uses the database; the text says who."""
