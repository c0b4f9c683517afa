"""Summarize a hunt's attempts: which tests varied, when the hunt is over, its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from walkaway.model import exit_codes
from walkaway.model.hunt import ABSENT, BAD, LOST, PASSED, SILENT, Attempt, Hunt
from walkaway.model.interval import clopper_pearson
from walkaway.model.vocabulary import Outcome

_HOPELESS = frozenset({
    Outcome.USAGE_ERROR, Outcome.NO_TESTS, Outcome.NOTHING_RUN, Outcome.NOT_STARTED,
})  # fmt: skip
_HOPELESS_TWICE = frozenset({Outcome.COLLECTION_ERROR, Outcome.INTERNAL_ERROR})


@dataclass(frozen=True, slots=True)
class Case:
    """A test worth reporting. ``letters`` has one per attempt; ``reports`` excludes lost ones."""

    id: str
    letters: str
    failures: int
    reports: int
    bad_in: int = 0
    """The number of the first attempt in which it failed; 0 for none."""

    @property
    def rate(self) -> float:
        """Failures divided by reports."""
        return self.failures / self.reports if self.reports else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % confidence interval of its true failure rate."""
        return clopper_pearson(self.failures, self.reports)


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings from the attempts so far."""

    tests: int = 0
    flaky: tuple[Case, ...] = ()
    """Failed in some attempts and not in others; highest failure rate first."""
    failing: tuple[Case, ...] = ()
    """Failed in every attempt that has a result for it."""
    unsteady: tuple[Case, ...] = ()
    """Never failed but had different results, for example sometimes skipped."""
    partial: tuple[Case, ...] = ()
    """Not collected in every attempt."""
    whole: int = 0
    """How many attempts finished."""


def why_over(hunt: Hunt, attempts: Sequence[Attempt], names: Sequence[str]) -> str:
    """Return why no further attempt is due: complete, stopped, hopeless, found; else empty.

    A usage error or an empty selection will not change the next time. A collection or internal
    error may itself be flaky, so it counts only when it came twice in a row.
    """
    if not attempts:
        return ""
    last = attempts[-1]
    twice = [attempt.outcome for attempt in attempts[-2:]]
    if len(attempts) >= hunt.runs:
        return "complete"
    if last.outcome is Outcome.STOPPED:
        return "stopped"
    if last.outcome in _HOPELESS:
        return "hopeless"
    if len(twice) > 1 and twice[0] == twice[1] and last.outcome in _HOPELESS_TWICE:
        return "hopeless"
    return "found" if hunt.fail_fast and compare(attempts, names).flaky else ""


def compare(attempts: Sequence[Attempt], names: Sequence[str]) -> Findings:
    """Compare the attempts test by test. ``names`` are the lines of tests.txt."""
    found: dict[str, list[Case]] = {"flaky": [], "failing": [], "unsteady": [], "partial": []}
    mixed = {index for attempt in attempts for index in attempt.mixed}
    columns = zip_longest(*(attempt.letters for attempt in attempts), fillvalue=ABSENT)
    tests = 0
    for index, column in enumerate(columns):
        kinds = set(column)
        if kinds == {ABSENT}:
            continue
        tests += 1
        if len(kinds) == 1 and not kinds & BAD:
            continue
        name = names[index] if index < len(names) else f"test #{index}"
        case = _case(name, column, attempts, index if index in mixed else -1)
        _sort_in(found, case, attempts)
    for name in dict.fromkeys(name for attempt in attempts for name in attempt.uncollected):
        letters = tuple(_collection(name, attempt) for attempt in attempts)
        _sort_in(found, _case(name, letters, attempts, -1), attempts)
    order = {name: sorted(cases, key=_telling) for name, cases in found.items()}
    return Findings(
        tests=tests,
        whole=sum(attempt.whole for attempt in attempts),
        **{name: tuple(cases) for name, cases in order.items()},
    )


def _telling(case: Case) -> tuple[float, int, str]:
    return (-case.rate, -case.reports, case.id)


def _collection(name: str, attempt: Attempt) -> str:
    if name in attempt.uncollected:
        return "E"
    return PASSED if attempt.collected else LOST


def _case(name: str, column: Sequence[str], attempts: Sequence[Attempt], mixed: int) -> Case:
    failures = reports = bad_in = 0
    for letter, attempt in zip(column, attempts, strict=True):
        bad, all_ = int(letter in BAD), int(letter not in SILENT)
        bad, all_ = attempt.mixed.get(mixed, (bad, all_))
        failures += bad
        reports += all_
        if bad and not bad_in:
            bad_in = attempt.number
    return Case(name, "".join(column), failures, reports, bad_in)


def _sort_in(found: dict[str, list[Case]], case: Case, attempts: Sequence[Attempt]) -> None:
    if 0 < case.failures < case.reports:
        found["flaky"].append(case)
    elif case.failures:
        found["failing"].append(case)
    elif len(set(case.letters) - SILENT) > 1:
        found["unsteady"].append(case)
    there = [
        letter != ABSENT
        for letter, attempt in zip(case.letters, attempts, strict=True)
        if attempt.collected and not attempt.uncollected
    ]
    if any(there) and not all(there):
        found["partial"].append(case)


def verdict_code(found: Findings, attempts: Sequence[Attempt], ended_by: str) -> int:
    """Return a hunt's exit code.

    130 if it was interrupted, 2 if stopped. 1 if anything is flaky. Otherwise the code of the
    first attempt that did not pass, so 0 means that nothing failed. 70 without any attempt.
    """
    if ended_by == "interrupt":
        return exit_codes.CTRL_C
    if ended_by in {"stop", "stopped"}:
        return exit_codes.INTERRUPTED
    if found.flaky:
        return exit_codes.FAILED
    if not attempts:
        return exit_codes.VANISHED
    return next((attempt.code for attempt in attempts if attempt.code), exit_codes.PASSED)
