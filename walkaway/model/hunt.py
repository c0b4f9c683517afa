"""A hunt for flaky tests: the request, each attempt's results, the status. Pure data.

A test's result in an attempt is one letter, so an attempt of 100,000 tests is 100 KB. The matrix
shows the same letters.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from walkaway.model import exit_codes
from walkaway.model.run import Origin, Run, from_json, to_json
from walkaway.model.run_view import RunView
from walkaway.model.vocabulary import Outcome, Result

SCHEMA = 1
ABSENT = " "
NOT_RUN = "-"
LOST = "?"
HUNG = "H"
RERUN = "R"
REPEATED = "r"
PASSED = "."
LETTERS = {
    Result.PASSED: PASSED,
    Result.FAILED: "F",
    Result.ERROR: "E",
    Result.SKIPPED: "s",
    Result.XFAILED: "x",
    Result.XPASSED: "X",
    Result.CRASHED: "C",
    Result.UNKNOWN: "u",
    Result.LOST: LOST,
    Result.NOT_RUN: NOT_RUN,
    Result.NO_RESULT: LOST,
}
MEANING = {
    PASSED: "passed", "F": "failed", "E": "error", "C": "crashed", HUNG: "hung",
    RERUN: "passed only when rerun", REPEATED: "passed, rerun by a plugin for an unknown reason",
    "u": "a plugin's own outcome", "s": "skipped", "x": "xfailed", "X": "xpassed",
    LOST: "lost", NOT_RUN: "not run",
}  # fmt: skip
BAD = frozenset({"F", "E", "C", HUNG, RERUN})
SILENT = frozenset({ABSENT, NOT_RUN, LOST})
"""Letters for no result: they count neither for nor against a test."""

_SEEDS = 999_999
_WHOLE = frozenset({Outcome.PASSED, Outcome.FAILED})


@dataclass(frozen=True, slots=True)
class Hunt:
    """The request: the contents of hunt.json. ``run`` is the template for every attempt."""

    id: str
    runs: int
    seed: int
    run: Run
    fail_fast: bool = False
    """End as soon as a test has both passed and failed."""
    created_s: float = 0.0
    boot_id: str = ""
    host: str = ""
    lock: tuple[int, int] = (0, 0)
    """Device and inode of driver.lock."""
    schema: int = field(default=SCHEMA)

    @property
    def short(self) -> str:
        """The last four hex digits of the id."""
        return self.id.rpartition("-")[2]

    @property
    def origin(self) -> Origin:
        """What started the hunt."""
        return self.run.origin


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ended run of a hunt. ``letters`` has one letter per test, by its line in tests.txt."""

    number: int
    run: str
    seed: str
    outcome: Outcome
    code: int
    duration_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    expected: int = 0
    collected: bool = False
    letters: str = ""
    mixed: dict[int, tuple[int, int]] = field(default_factory=dict)
    """(bad reports, reports) by index, for ids that reported several times with mixed results."""
    uncollected: tuple[str, ...] = ()
    """Modules with a collection error."""
    named: tuple[str, ...] = ()
    """Tests that crashed or were stuck; the first five."""
    lost: int = 0

    @property
    def short(self) -> str:
        """The last four hex digits of the run's id."""
        return self.run.rpartition("-")[2]

    @property
    def whole(self) -> bool:
        """Whether the run finished: it passed or failed and lost no test."""
        return self.outcome in _WHOLE and not self.lost


class HuntStatus(StrEnum):
    """The status of a hunt."""

    LIVE = "live"
    DONE = "done"
    GONE = "gone"
    """Its driver is gone and it cannot be adopted: another boot, host or user."""


@dataclass(frozen=True, slots=True)
class HuntView:
    """What one look at a hunt found. Times are seconds."""

    hunt: Hunt
    folder: str
    standing: HuntStatus
    attempts: tuple[Attempt, ...]
    tests: tuple[str, ...]
    elapsed_s: float
    ended_by: str = ""
    """complete, found, hopeless, stopped, stop, interrupt or error; empty while it is live."""
    why: str = ""
    code: int = exit_codes.STILL_RUNNING
    current: RunView | None = None
    """The attempt that is running now."""
    adopted_now: bool = False

    @property
    def live(self) -> bool:
        """Whether more attempts may follow."""
        return self.standing is HuntStatus.LIVE


def attempt_seed(seed: int, number: int) -> str:
    """Return the order seed of an attempt; the first one uses the hunt's own."""
    if number == 1:
        return str(seed)
    digest = hashlib.sha1(f"{seed}:{number}".encode(), usedforsecurity=False).digest()
    return str(int.from_bytes(digest[:8], "big") % _SEEDS + 1)


def new_seed(entropy: bytes) -> int:
    """Return a seed short enough to type (at most six digits), from 8 random bytes."""
    return int.from_bytes(entropy, "big") % _SEEDS + 1


def hunt_to_json(hunt: Hunt) -> dict[str, Any]:
    """Return the contents of hunt.json."""
    return {**asdict(hunt), "run": to_json(hunt.run)}


def hunt_from_json(data: dict[str, Any]) -> Hunt:
    """Return the hunt in the contents of hunt.json. Raises `ValueError` when they are invalid."""
    try:
        known = {f.name for f in fields(Hunt)}
        values = {key: value for key, value in data.items() if key in known}
        values["run"] = from_json(values["run"])
        device, inode = values.get("lock", (0, 0))
        values["lock"] = (device, inode)
        return Hunt(**values)
    except (TypeError, KeyError, ValueError) as error:
        message = f"not a hunt.json: {error}"
        raise ValueError(message) from error


def attempt_from_json(data: dict[str, Any]) -> Attempt | None:
    """Return the attempt in a line of attempts.jsonl; None when this version cannot read it."""
    try:
        known = {f.name for f in fields(Attempt)}
        values = {key: value for key, value in data.items() if key in known}
        values["outcome"] = Outcome(values["outcome"])
        mixed = values.get("mixed") or {}
        values["mixed"] = {int(index): (pair[0], pair[1]) for index, pair in mixed.items()}
        for name in ("uncollected", "named"):
            values[name] = tuple(values.get(name) or ())
        return Attempt(**values)
    except (TypeError, KeyError, ValueError, IndexError):
        return None
