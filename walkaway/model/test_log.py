"""What `log --test` shows, as plain data: one test of a run and its log lines."""

from __future__ import annotations

from dataclasses import dataclass

from walkaway.model.log_lines import Line


@dataclass(frozen=True, slots=True)
class Execution:
    """One span in which the test ran, in seconds since the run's start."""

    since_s: float
    until_s: float
    result: str = ""
    """Empty while it is in flight, or if its end was never recorded."""
    worker: str = ""


@dataclass(frozen=True, slots=True)
class LogOfTest:
    """One test and its log lines, in order of time."""

    nodeid: str
    flights: tuple[Execution, ...] = ()
    lines: tuple[Line, ...] = ()
    unread: tuple[str, ...] = ()
    """What was not read, and why; one phrase each."""
    files: tuple[str, ...] = ()
    """The files that the lines come from, as absolute paths."""
    failures: tuple[str, ...] = ()
    """The full messages of its failures without a traceback."""
    traced: bool = True
    """Whether it has failures with a traceback, which `inv failures` shows."""

    @property
    def result(self) -> str:
        """The result of its last span; empty when there is none."""
        return self.flights[-1].result if self.flights else ""

    @property
    def since_s(self) -> float:
        """When it first started; for a test that never did, the time of its first line."""
        starts = [flight.since_s for flight in self.flights]
        return min(starts) if starts else (self.lines[0].at_s if self.lines else 0.0)

    @property
    def took_s(self) -> float:
        """How long its last span took, in seconds."""
        return self.flights[-1].until_s - self.flights[-1].since_s if self.flights else 0.0
