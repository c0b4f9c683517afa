"""Compare what a database holds with what its schema gave it, and restore it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from walkaway.isolation.databases.provider import Probe
from walkaway.isolation.databases.snapshot import Anew, Links, Picture, differences, plan


class Contents:
    """Inspects one database, over connections that it opens and closes as needed.

    `pristine` is what the database held at the first look, which must come before any test.
    """

    def __init__(self, opened: Callable[[], Probe]) -> None:
        self._opened = opened
        self._open: Probe | None = None
        self._origin: tuple[Picture, Links] | None = None
        self._known: Picture | None = None

    @property
    def pristine(self) -> Picture:
        return self._first[0]

    def now(self) -> Picture:
        """Return the current picture, read again only after a commit. Sequences may be stale."""
        known = self._known or self.pristine
        if self._probe.committed():
            known = self._probe.picture()
        self._known = known
        return known

    def differences(self, before: Picture) -> list[str]:
        """Return how tables and rows differ from an earlier picture."""
        now = self.now()
        return [] if now is before else list(differences(before, now))

    def put_back(self) -> str:
        """Empty the tables that were touched. Return why only a clone would do, or an empty string.

        Raises:
            LockedError: Somebody still works in the database; the text says who.
        """
        pristine, links = self._first
        if self._known == pristine and not self._probe.committed():
            now = replace(pristine, sequences=self._probe.sequences())
        else:
            now = self._probe.picture()
        found = plan(pristine, now, links)
        if isinstance(found, Anew):
            return found.why
        self._probe.empty(found)
        self._known = pristine
        return ""

    def release(self) -> None:
        """Close the connection. The next look opens a new one, to the database there is then."""
        if self._open is not None:
            self._open.close()
            self._open = None
        self._known = None

    @property
    def _first(self) -> tuple[Picture, Links]:
        if self._origin is None:
            self._origin = self._probe.picture(), self._probe.links()
        return self._origin

    @property
    def _probe(self) -> Probe:
        if self._open is None:
            self._open = self._opened()
        return self._open
