"""The retention policy: which runs stay. Pure: takes what was found and the time, returns a plan.

One rule: a finished run goes when it is older than ``days`` *and* not among the newest ``keep``
finished ones. So a larger number never deletes more, and either one at 0 keeps nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

DAY_S = 86400.0
DEAD_START_S = 3600.0
"""Age in seconds from which a `.new-*` folder cannot be a running start, even without locks."""


class State(StrEnum):
    """What a look at a record found. Only `DONE` records may be deleted."""

    DONE = "done"
    LIVE = "live"
    UNKNOWN = "unknown"
    """It has no verdict, and whether it is alive cannot be known from here."""
    TORN = "torn"
    """Its run.json or its lock is missing or unreadable."""
    HUNT = "hunt"
    """An attempt of a hunt without a verdict: the hunt may still need it."""
    FOREIGN = "foreign"
    """It belongs to another user."""


class Kind(StrEnum):
    """Kind of an entry that is not a run."""

    GONE = "interrupted-rotation"
    NEW = "dead-start"
    PID = "pid-file"
    MARK = "refused-start"


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it was found. ``ended_s`` is wall-clock time, seconds since the epoch."""

    id: str
    state: State
    ended_s: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something of ours that is not a run. ``made_s`` is wall-clock time; ``live`` means in use."""

    name: str
    kind: Kind
    made_s: float
    live: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Everything in a records folder. ``foreign`` counts what is not ours."""

    runs: tuple[Stored, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """What to keep: runs younger than ``days``, and the newest ``keep`` finished ones."""

    days: float
    keep: int


@dataclass(frozen=True, slots=True)
class Fate:
    """One run, whether it goes, and why.

    ``rank`` 1 is the newest finished run; 0 is not counted.
    """

    run: Stored
    goes: bool
    why: str
    age_s: float
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rotation does with everything it found, newest run first."""

    policy: Policy
    fates: tuple[Fate, ...]
    leftovers: tuple[Leftover, ...]
    """The leftovers that go."""
    foreign: int = 0

    @property
    def go(self) -> tuple[Fate, ...]:
        """The runs that are deleted."""
        return tuple(fate for fate in self.fates if fate.goes)

    @property
    def stay(self) -> tuple[Fate, ...]:
        """The runs that stay."""
        return tuple(fate for fate in self.fates if not fate.goes)


def plan(found: Found, policy: Policy, now_s: float) -> Plan:
    """Decide what goes.

    ``now_s`` is wall-clock time; anything dated in the future counts as young.
    """
    fates = tuple(_fates(found.runs, policy, now_s))
    empty = not any(not fate.goes for fate in fates)
    marks_s = DAY_S * max(1.0, policy.days)
    going = (left for left in found.leftovers if _goes(left, now_s, marks_s, empty=empty))
    order = sorted(going, key=lambda left: (left.kind, left.name))
    return Plan(policy, fates, tuple(order), found.foreign)


def _fates(runs: Iterable[Stored], policy: Policy, now_s: float) -> Iterable[Fate]:
    rank = 0
    for run in sorted(runs, key=lambda run: run.id, reverse=True):
        age_s = now_s - run.ended_s
        if run.state is not State.DONE:
            yield Fate(run, goes=False, why=run.state, age_s=age_s)
            continue
        rank += 1
        if rank <= policy.keep:
            yield Fate(run, goes=False, why="newest", age_s=age_s, rank=rank)
        elif age_s <= policy.days * DAY_S and policy.days > 0:
            yield Fate(run, goes=False, why="young", age_s=age_s, rank=rank)
        else:
            yield Fate(run, goes=True, why="old", age_s=age_s, rank=rank)


def _goes(left: Leftover, now_s: float, marks_s: float, *, empty: bool) -> bool:
    """Return whether a leftover goes.

    ``marks_s``: how long a refused start is reported, in seconds.
    """
    if left.live:
        return False
    if left.kind is Kind.MARK:
        return now_s - left.made_s > marks_s
    if left.kind is Kind.NEW:
        return now_s - left.made_s > DEAD_START_S
    if left.kind is Kind.PID:
        return empty
    return True
