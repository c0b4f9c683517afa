"""One look at a run: everything that progress, wait, stop and test show, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from walkaway.model.run import Run
from walkaway.model.vocabulary import Outcome, Status


@dataclass(frozen=True, slots=True)
class RunningTest:
    """A test that is running now. ``usual_s``: how long it took last time, None if unknown."""

    id: str
    worker: str
    for_s: float
    usual_s: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a run's tests. ``by_result`` holds only results that occurred."""

    done: int = 0
    expected: int = 0
    by_result: dict[str, int] = field(default_factory=dict)
    collection_errors: int = 0
    warnings: int = 0
    dropped: int = 0

    @property
    def bad(self) -> int:
        """How many tests failed, errored or crashed, plus collection errors."""
        names = ("failed", "error", "crashed")
        return sum(self.by_result.get(name, 0) for name in names) + self.collection_errors


@dataclass(frozen=True, slots=True)
class Tree:
    """The source tree a run started on, and the edits since. ``head``: short hash, or empty."""

    head: str = ""
    dirty: int = 0
    changed: tuple[str, ...] = ()
    nchanged: int = 0


class TreeState(StrEnum):
    """How the source tree compares with what it was when a run ended."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SinceEnd:
    """What has happened since a run ended, for a verdict that is looked up later."""

    ended_s: float
    """Seconds since the run's end."""
    tree: TreeState
    changed: tuple[str, ...] = ()
    """The first paths that differ, relative to the repository."""
    nchanged: int | None = None
    """How many paths differ; None when not known."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A test in flight when a limit was reached. ``stack``: innermost frame first."""

    id: str
    worker: str
    for_s: float
    usual_s: float | None
    stack: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The verdict of a finished run, with other contents of outcome.json."""

    outcome: Outcome
    code: int
    rests_on: str
    because: str = ""
    """What decided if the tests' results do not: `coverage 67 % of 99 % required`."""
    notes: tuple[str, ...] = ()
    lost: int = 0
    lost_ids: tuple[str, ...] = ()
    not_run: int = 0
    """How many tests have no result for an explained reason."""
    may_have_run: int = 0
    """How many of them had begun, or may have."""
    crashed: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    """Tests that passed only on a rerun, if that fails the run."""
    stuck: tuple[Stuck, ...] = ()
    stopping: str = ""
    said: tuple[str, ...] = ()
    supervised: bool = True
    recorded: bool = True
    """False when this look derived the verdict because nobody was left to write it."""


@dataclass(frozen=True, slots=True)
class RunView:
    """The result of one look. Times are in seconds; ``log`` and ``record`` are absolute paths."""

    run: Run
    status: Status
    record: str
    log: str
    elapsed_s: float
    counts: Counts
    phase: str = ""
    """What a queued or preparing run is doing: waiting, starting, collecting."""
    ended: Ended | None = None
    supervised: bool = True
    adopted_now: bool = False
    """This look found the supervisor dead and gave the run a new one."""
    eta_s: tuple[float, float] | None = None
    flights: tuple[RunningTest, ...] = ()
    workers: int = 0
    silent_s: float = 0.0
    """Seconds since the last event."""
    staying: tuple[str, ...] = ()
    """What keeps the process open after pytest's end; one empty string when not known."""
    busy: float | None = None
    """How many CPU cores a silent process tree uses."""
    ending: str = ""
    """Why the run is being ended on purpose."""
    engine_silent: bool = False
    """The Docker engine does not answer, so the container's state is not known."""
    tree: Tree = field(default_factory=Tree)
    since_end: SinceEnd | None = None
    """For an ended run, unless it was waited for."""
    tail: tuple[str, ...] = ()
    """The last lines of the log."""
    why_unknown: str = ""

    @property
    def live(self) -> bool:
        """Whether the run is queued, preparing or running."""
        return self.status in {Status.QUEUED, Status.PREPARING, Status.RUNNING}


def ended_from_json(data: dict[str, Any], *, recorded: bool = True) -> Ended:
    """Return the verdict in the contents of outcome.json.

    Raises `ValueError` for an outcome that this version does not know.
    """
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
