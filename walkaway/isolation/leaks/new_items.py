"""Base of most leak watches: a set of things, none of which may be new after the test."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Final, cast

GRACE_S: Final = 0.5
"""Time for things that are already ending, such as a thread that was told to stop.

Spent only when something new is there.
"""
_STEP_S: Final = 0.005
# Bound here, and not time.monotonic: tests stop that clock, some for a whole module.
_now: Final = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
_sleep: Final = time.sleep

Things = frozenset[Hashable]


class SetWatch(ABC):
    """A Watch for things that can be told apart; see `walkaway.isolation.leak_watch`."""

    kind: str

    @abstractmethod
    def things(self) -> Things:
        """Return what exists now."""

    @abstractmethod
    def described(self, thing: Hashable) -> str:
        """Return a few words about a thing, or an empty string if it is gone by now."""

    def excused(self, things: Things) -> Things:
        """Return the new things that are nobody's fault. Called only when something is new."""
        del things
        return frozenset()

    def before(self) -> Things:
        return self.things()

    def widened(self, before: object, earlier: object, now: object) -> Things:
        """Return ``before`` plus what a wider-scoped fixture has added during the test."""
        return cast("Things", before) | (cast("Things", now) - cast("Things", earlier))

    def left(self, before: object) -> Sequence[str]:
        known = cast("Things | None", before) or frozenset()
        if not self.things() - known:
            return []
        new = self._after_grace(known)
        return sorted(filter(None, map(self.described, new)))

    def restore(self, before: object) -> None:
        """Do nothing: what still runs cannot be put back."""
        del before

    def _after_grace(self, known: Things) -> Things:
        found: Things = frozenset()

        def gone() -> bool:
            nonlocal found
            new = self.things() - known
            found = new - self.excused(new) if new else new
            return not found

        until(gone)
        return found


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, GRACE_S at most."""
    deadline = _now() + GRACE_S
    while not condition() and _now() < deadline:
        _sleep(_STEP_S)
