"""One look at a run: everything that progress, wait, stop and test tell, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from walkaway.model.run import Run
from walkaway.model.vocabulary import Outcome, Status


@dataclass(frozen=True, slots=True)
class Flight:
    """A test that is running now. ``usual_s`` is what it took the last time, None when unknown."""

    id: str
    worker: str
    for_s: float
    usual_s: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Where a run's tests stand. ``by_result`` holds only results that occurred."""

    done: int = 0
    expected: int = 0
    by_result: dict[str, int] = field(default_factory=dict)
    collection_errors: int = 0
    warnings: int = 0
    dropped: int = 0

    @property
    def bad(self) -> int:
        """Tests that failed, errored or crashed; and collection errors."""
        names = ("failed", "error", "crashed")
        return sum(self.by_result.get(name, 0) for name in names) + self.collection_errors


@dataclass(frozen=True, slots=True)
class Tree:
    """The source tree that a run started on, and the edits since. ``head`` is short, or empty."""

    head: str = ""
    dirty: int = 0
    changed: tuple[str, ...] = ()
    nchanged: int = 0


class Standing(StrEnum):
    """How the source tree is now, against what it was when a run ended."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SinceEnd:
    """What happened since a run ended, of a verdict that nobody waited for."""

    ended_s: float
    """Seconds since its end."""
    tree: Standing
    changed: tuple[str, ...] = ()
    """The first paths that differ, relative to the repository."""
    nchanged: int | None = None
    """How many differ; None when that is not known."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A test that a limit found in flight. ``stack`` is innermost first."""

    id: str
    worker: str
    for_s: float
    usual_s: float | None
    stack: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The verdict of a finished run, and what stands beside it in outcome.json."""

    outcome: Outcome
    code: int
    rests_on: str
    because: str = ""
    """What decided, where the tests' results do not tell: `coverage 67 % of 99 % wanted`."""
    notes: tuple[str, ...] = ()
    lost: int = 0
    lost_ids: tuple[str, ...] = ()
    not_run: int = 0
    """Tests without a result, which something explains."""
    may_have_run: int = 0
    """Those of them that had begun, or may have."""
    crashed: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    """Tests that passed only on a rerun, where that fails the run."""
    stuck: tuple[Stuck, ...] = ()
    stopping: str = ""
    said: tuple[str, ...] = ()
    supervised: bool = True
    recorded: bool = True
    """False when it was derived by this look, since nobody was left to write it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. Times are seconds; ``log`` and ``record`` are absolute paths."""

    run: Run
    status: Status
    record: str
    log: str
    elapsed_s: float
    counts: Counts
    phase: str = ""
    """What a preparing run is doing: starting, collecting."""
    ended: Ended | None = None
    supervised: bool = True
    adopted_now: bool = False
    """This very look found the supervisor dead and gave the run a new one."""
    eta_s: tuple[float, float] | None = None
    flights: tuple[Flight, ...] = ()
    workers: int = 0
    silent_s: float = 0.0
    """Seconds since the last event."""
    staying: tuple[str, ...] = ()
    """What holds the process open after pytest's end; one empty text when that is not known."""
    busy: float | None = None
    """CPU cores that a silent tree uses."""
    ending: str = ""
    """Why the run is being ended on purpose."""
    engine_silent: bool = False
    """The Docker engine does not answer: of what it knows nothing can be told."""
    tree: Tree = field(default_factory=Tree)
    since_end: SinceEnd | None = None
    """Of an ended run, unless it was waited for."""
    tail: tuple[str, ...] = ()
    """Last lines of the log."""
    why_unknown: str = ""

    @property
    def live(self) -> bool:
        """Whether pytest may still be at work."""
        return self.status in {Status.QUEUED, Status.PREPARING, Status.RUNNING}


def ended_from_json(data: dict[str, Any], *, recorded: bool = True) -> Ended:
    """Read outcome.json; unknown outcomes of a newer writer raise `ValueError`."""
    lost = data.get("lost") or {}
    stuck = tuple(
        Stuck(
            str(row.get("id")),
            str(row.get("worker") or ""),
            float(row.get("for_s") or 0.0),
            row.get("usual_s"),
            tuple(row.get("stack") or ()),
        )
        for row in data.get("stuck") or ()
    )
    return Ended(
        outcome=Outcome(data["outcome"]),
        code=int(data["code"]),
        rests_on=str(data.get("rests_on", "")),
        because=str(data.get("because") or ""),
        notes=tuple(data.get("notes") or ()),
        lost=int(lost.get("n", 0)),
        lost_ids=tuple(lost.get("ids") or ()),
        not_run=int((data.get("not_run") or {}).get("n", 0)),
        may_have_run=int((data.get("not_run") or {}).get("may_have_run", 0)),
        crashed=tuple(data.get("crashed") or ()),
        flaky=tuple(data.get("flaky") or ()),
        stuck=stuck,
        stopping=str(data.get("stopping") or ""),
        said=tuple(data.get("said") or ()),
        supervised=bool(data.get("supervised", True)),
        recorded=recorded,
    )
