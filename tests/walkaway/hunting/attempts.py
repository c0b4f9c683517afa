"""Attempts made up for the pure tests: a string of letters each."""

from __future__ import annotations

from dataclasses import replace

from walkaway.model.hunt import Attempt, Hunt, HuntStatus, HuntView
from walkaway.model.run import Run
from walkaway.model.vocabulary import Outcome

RUN = Run(
    id="", root="/p", cwd="/p", args=("tests",), argv=("pytest",), created_s=0, started_boot=0
)
HUNT = Hunt(id="20261122-101530-7f3a", runs=10, seed=42, run=RUN)
_CODES = {
    Outcome.PASSED: 0,
    Outcome.FAILED: 1,
    Outcome.COLLECTION_ERROR: 2,
    Outcome.STOPPED: 2,
    Outcome.INTERNAL_ERROR: 3,
    Outcome.USAGE_ERROR: 4,
    Outcome.NO_TESTS: 5,
    Outcome.TIMED_OUT: 124,
    Outcome.CRASHED: 139,
}


def attempt(number: int, letters: str, outcome: Outcome | None = None) -> Attempt:
    """An attempt; failed when a letter says so, unless an outcome is given."""
    bad = set(letters) & set("FECHR")
    known = outcome or (Outcome.FAILED if bad - {"R"} else Outcome.PASSED)
    return Attempt(
        number=number,
        run=f"20261122-1016{number:02d}-a{number:03x}",
        seed=str(1000 + number),
        outcome=known,
        code=_CODES[known],
        duration_s=2.0,
        counts={"passed": letters.count("."), "failed": letters.count("F")},
        expected=len(letters),
        collected=True,
        letters=letters,
    )


def attempts(*rows: str) -> tuple[Attempt, ...]:
    """One attempt a row."""
    return tuple(attempt(number, row) for number, row in enumerate(rows, 1))


def names(count: int) -> tuple[str, ...]:
    """`tests/test_a.py::test_0` and on."""
    return tuple(f"tests/test_a.py::test_{n}" for n in range(count))


def look(made: tuple[Attempt, ...], code: int = 0, **more: object) -> HuntView:
    """A look at a finished hunt of these attempts."""
    width = max((len(one.letters) for one in made), default=0)
    done = HuntView(
        hunt=replace(HUNT, runs=len(made) or 10),
        folder="/p/logs/tests/pytest/hunt-20261122-101530-7f3a",
        standing=HuntStatus.DONE,
        attempts=made,
        tests=names(width),
        elapsed_s=20.0,
        ended_by="complete",
        code=code,
    )
    return replace(done, **more)  # type: ignore[arg-type]  # as replace takes it
