"""A start that made no record: what was typed, when, and why there is no run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """How far a start without a record got."""

    REFUSED = "refused"
    DIED = "died"
    """Its process ended before it made a record or gave a reason."""
    STARTING = "starting"
    """Its process is still running."""


@dataclass(frozen=True, slots=True)
class LastStart:
    """The last start of an origin if it made no record. ``at_s``: seconds since the epoch."""

    stage: Stage
    code: int
    """The start's own exit code; 70 when it died, 75 while it is under way."""
    message: str
    command: str
    """The command line that was typed."""
    at_s: float
