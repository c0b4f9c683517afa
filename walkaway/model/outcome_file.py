"""The contents of outcome.json: how a run ended, and what its tests did. Built here alone.

Light: the supervisor imports it, for the plain outcome of a run that could not be judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from walkaway.model.vocabulary import Outcome

SCHEMA = 1
_NULL = frozenset({"pytest_exit", "signal", "ended_at"})
"""What is written as null when nobody saw it; anything else that is not known is left out."""


class OutcomeFile(NamedTuple):
    """Everything outcome.json may say. None: not known."""

    id: str
    outcome: Outcome
    code: int
    pytest_exit: int | None = None
    signal: int | None = None
    supervised: bool | None = None
    started_at: str | None = None
    ended_at: str | None = None
    duration_s: float | None = None
    preparing_s: float | None = None
    expected: int | None = None
    reported: int | None = None
    counts: Mapping[str, int] | None = None
    lost: Mapping[str, Any] | None = None
    not_run: Mapping[str, int] | None = None
    crashed: Sequence[str] | None = None
    stopping: str | None = None
    notes: tuple[str, ...] = ()
    rests_on: str = ""
    because: str = ""
    flaky: Sequence[str] | None = None
    backend: str | None = None
    workers: int | None = None
    passes: int | None = None
    curve: Sequence[Any] | None = None
    dropped: int | None = None
    warnings: int | None = None
    failures: int | None = None
    collection_errors: int | None = None
    stuck: Sequence[Mapping[str, Any]] | None = None
    leftovers: Sequence[Any] | None = None
    tree: Mapping[str, Any] | None = None
    said: Sequence[str] | None = None
    """Lines that pytest or a command printed and that explain the end."""
    derived: bool | None = None
    """True when a reader derived it, since nobody was left to write it."""

    def to_json(self) -> dict[str, Any]:
        """Return the contents of outcome.json."""
        known = {
            name: value
            for name, value in self._asdict().items()
            if value is not None or name in _NULL
        }
        return {"schema": SCHEMA, **known}
