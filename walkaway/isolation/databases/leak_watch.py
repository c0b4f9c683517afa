"""The leak check's eye on a worker's database: rows that a test left, by table."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import cast

from walkaway.isolation.databases import strategies
from walkaway.isolation.databases.database import Database
from walkaway.isolation.databases.snapshot import Picture


class RowWatch:
    """A `Watch` on one database: 0.2 ms before and after each test as long as nothing is committed.

    Sequences are not among it: a rollback leaves them advanced, as in production, and tests that
    look at ids choose a strategy that puts them back.
    """

    kind = "rows"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pristine = database.contents.pristine

    def before(self) -> object:
        return self._database.contents.now()

    def left(self, before: object) -> Sequence[str]:
        earlier = cast("Picture | None", before) or self._pristine
        return self._database.contents.differences(earlier)

    def mend(self, before: object) -> None:
        """Put the database back, unless wider fixtures have rows of their own there."""
        earlier = cast("Picture | None", before) or self._pristine
        if (earlier.shape, earlier.tables) == (self._pristine.shape, self._pristine.tables):
            with contextlib.suppress(strategies.StillInUseError):  # put back all the same
                strategies.put_back(self._database)
