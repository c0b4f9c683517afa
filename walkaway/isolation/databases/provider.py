"""The interface between the fixtures and each kind of database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.engine import URL

from walkaway.isolation.databases.snapshot import Emptying, Links, Picture


@dataclass(frozen=True, slots=True)
class Keeping:
    """What happens to the template: --reuse-db keeps it, --create-db rebuilds it even if kept."""

    reuse: bool = False
    create: bool = False


class Home(Protocol):
    """Creates and removes databases for one process. Each starts as the schema made it."""

    def clone(self, role: str) -> URL:
        """Create a database. Its name contains the role, and the run unless that is implied."""

    def renew(self, url: URL) -> None:
        """Recreate a database made by `clone`, under the same URL. Open connections are lost."""

    def drop(self, url: URL) -> None:
        """Remove a database, even if somebody is connected."""

    def close(self) -> None:
        """Close the home and remove what nobody owns any more."""

    def probe(self, url: URL) -> Probe:
        """Open a separate connection that inspects a database."""


class Probe(Protocol):
    """A connection of its own to one database. It sees what is committed there."""

    def committed(self) -> bool:
        """Return whether anyone but `empty` may have committed since the last call or `picture`.

        May report a commit that did not happen, but never misses one. The first answer is True.
        """

    def picture(self) -> Picture: ...

    def sequences(self) -> Mapping[str, int | None]:
        """Return the parts of a picture that change without a commit. Call `picture` first."""

    def links(self) -> Links: ...

    def empty(self, what: Emptying) -> None:
        """Empty tables and reset sequences. Raises `LockedError` if somebody holds a lock."""

    def close(self) -> None: ...


class Copy(Protocol):
    """A saved copy of a database that others own and use."""

    def put_back(self) -> None:
        """Replace the database with the copy. Works once."""

    def close(self) -> None:
        """Remove the copy if it was not used."""


class RefusedError(ValueError):
    """No test databases can be made with these settings. The text says what to write."""


class NotPutBackError(Exception):
    """A database stays as a test left it. The text says why, and what to write."""


class LockedError(Exception):
    """Somebody still uses the database and blocks the clean-up. The text says who."""
