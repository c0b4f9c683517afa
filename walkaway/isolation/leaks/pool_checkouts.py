"""Leak watch for connections taken from a SQLAlchemy pool and not returned."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from typing import Any, cast

from walkaway.isolation.leaks.new_items import SetWatch, Things


class CheckoutsWatch(SetWatch):
    """A `Watch` for all SQLAlchemy pools, from the first test on that finds SQLAlchemy imported."""

    kind = "connections"

    def __init__(self) -> None:
        self._out: dict[int, Any] = {}
        self._listens = False

    def things(self) -> Things:
        if not self._listens and "sqlalchemy.pool" in sys.modules:
            self._listen()
        return frozenset(self._out)

    def described(self, thing: Hashable) -> str:
        connection = self._out.get(cast("int", thing))
        kind = type(connection).__module__.partition(".")[0]
        return f"{kind} connection not returned to its pool" if connection is not None else ""

    def stop(self) -> None:
        """Remove the event listeners."""
        if self._listens:
            from sqlalchemy import event, pool

            event.remove(pool.Pool, "checkout", self._taken)
            for name in ("checkin", "close_detached", "invalidate", "detach", "close"):
                event.remove(pool.Pool, name, self._given_back)
            self._listens = False

    def _listen(self) -> None:
        from sqlalchemy import event, pool

        event.listen(pool.Pool, "checkout", self._taken)
        for name in ("checkin", "close_detached", "invalidate", "detach", "close"):
            event.listen(pool.Pool, name, self._given_back)
        self._listens = True

    def _taken(self, connection: object, *_: object) -> None:
        self._out[id(connection)] = connection

    def _given_back(self, connection: object, *_: object) -> None:
        self._out.pop(id(connection), None)
