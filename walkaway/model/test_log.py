"""What `log --test` tells: one test of a run, and what was said during it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from walkaway.model.log_lines import Line


@dataclass(frozen=True, slots=True)
class Flight:
    """One time that the test was at work. Seconds since the run's start."""

    since_s: float
    until_s: float
    result: str = ""
    """Empty while it is in flight, or when its end was never told."""
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """One test and its lines, in the order of time."""

    nodeid: str
    flights: tuple[Flight, ...] = ()
    lines: tuple[Line, ...] = ()
    unread: tuple[str, ...] = ()
    """What was not looked at, and why: one phrase each."""
    files: tuple[str, ...] = ()
    """Where the lines come from: absolute paths."""
    failures: tuple[str, ...] = ()
    """Messages of its failures that have no traceback, whole."""
    traced: bool = True
    """Whether `failures` shows more of it than these: a traceback."""

    @property
    def result(self) -> str:
        """The last time's result; empty when there is none."""
        return self.flights[-1].result if self.flights else ""

    @property
    def since_s(self) -> float:
        """When it first started; of a test that never did, its first line's time."""
        starts = [flight.since_s for flight in self.flights]
        return min(starts) if starts else (self.lines[0].at_s if self.lines else 0.0)

    @property
    def took_s(self) -> float:
        """How long its last time was."""
        return self.flights[-1].until_s - self.flights[-1].since_s if self.flights else 0.0
