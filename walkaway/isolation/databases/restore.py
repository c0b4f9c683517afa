"""What a database holds against what its schema gave it, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from walkaway.isolation.databases.provider import Probe
from walkaway.isolation.databases.snapshot import Anew, Links, Picture, differences, plan


class Contents:
    """Looks at one database, over connections that come and go with it.

    `pristine` is what it held at the first look, which is to be before any test.
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
        """Return what is there; looks again only if something was committed. Not for sequences."""
        known = self._known or self.pristine
        if self._probe.committed():
            known = self._probe.picture()
        self._known = known
        return known

    def differences(self, before: Picture) -> list[str]:
        """Say what differs in tables and rows from an earlier picture."""
        now = self.now()
        return [] if now is before else list(differences(before, now))

    def put_back(self) -> str:
        """Empty what was touched; return why that does not do and only a clone will, or nothing.

        Raises:
            LockedError: Someone still works in it; the text says who.
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
        """Close what is open here; the next look opens it again, on what is there then."""
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
