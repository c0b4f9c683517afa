"""The ledger: what each collected test owes and has reported.

It is built from all events, so it is for the end of a run and for `results`, never for a look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from walkaway.model import event_kinds
from walkaway.model.events import Event, number, text, whole
from walkaway.model.progress import Progress
from walkaway.model.vocabulary import Result

_WARNED = 5
_ORDER = {
    name: place
    for place, name in enumerate(
        ("crashed", "error", "failed", "unknown", "xpassed", "passed", "xfailed", "skipped")
    )
}
"""Results from worst to best."""
_OF_A_TEST = frozenset({
    event_kinds.TEST_STARTED, event_kinds.TEST_FINISHED, event_kinds.SUBTEST_FAILED,
    event_kinds.ATTEMPT_RERUN,
})  # fmt: skip


@dataclass(slots=True)
class Row:
    """One test: its results in the order reported (several for duplicates), and its times."""

    owed: int = 0
    begun: bool = False
    results: list[str] = field(default_factory=list)
    durations_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    worker: str = ""
    reason: str = ""
    failure: int | None = None
    """Line number in failures.jsonl, from 0; None without a failure."""
    subfailures: int = 0
    reruns: int = 0
    """Failed attempts that a plugin reran."""
    repeats: int = 0
    """Attempts that a plugin reran and whose result is unknown."""
    crashes: int = 0
    """How many of ``reruns`` crashed their worker."""
    reports: list[Row] = field(default_factory=list)
    """Each report as its own row, if there are several."""

    @property
    def missing(self) -> int:
        """How many owed reports never came."""
        return max(0, self.owed - len(self.results))

    @property
    def total_s(self) -> float:
        """Seconds spent in setup, call and teardown together."""
        return sum(self.durations_s)


@dataclass(slots=True)
class Ledger:
    """All tests of a run, by their index in collected.txt, and the fold of its events."""

    rows: list[Row] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)
    curve: list[tuple[int, float]] = field(default_factory=list)
    """(tests done, seconds since pytest's start): the run's course, for the next run's ETA."""
    exits: dict[int, int] = field(default_factory=dict)
    """Pytest's exit status by pass, for passes that recorded their end."""
    warned: list[str] = field(default_factory=list)
    """The first five warnings: `tests/a.py:3: UserWarning: old`."""
    skipped_whole: dict[str, str] = field(default_factory=dict)
    """Modules and classes skipped as a whole during collection, with the reason."""

    @property
    def missing(self) -> list[int]:
        """Indexes of tests that owe a report."""
        return [i for i, row in enumerate(self.rows) if row.missing]

    def may_have_run(self, index: int) -> bool:
        """Return whether a test without a result had begun, or may have, when its run ended."""
        return self.rows[index].begun or self.progress.unheard

    @property
    def flaky(self) -> list[int]:
        """Indexes of tests that passed only on a rerun."""
        return [
            i for i, row in enumerate(self.rows) if row.reruns and final_result(row) == "passed"
        ]

    @property
    def counts(self) -> dict[str, int]:
        """Number of reports by result, each owed report counted once.

        When a worker dies just after a test's report, xdist reports the test again, as crashed.
        The crash then replaces the earlier report.
        """
        counts: dict[str, int] = {}
        for row in self.rows:
            for one in reports_of(row):
                for result in one.results:
                    counts[result] = counts.get(result, 0) + 1
        return counts


def build(ids: Sequence[str], events: Iterable[Event]) -> Ledger:
    """Return the ledger of a run from its collected ids and all of its events."""
    ledger = Ledger([Row() for _ in ids])
    marks: list[float] = []
    offset = 0.0
    for event in events:
        kind = event["e"]
        ledger.progress.add(event)
        if kind == event_kinds.LOADED and not marks:
            offset = number(event, "t")
        elif kind == event_kinds.COLLECTED:
            _owe(ledger, event)
        elif kind == event_kinds.END:
            ledger.exits[ledger.progress.passes] = whole(event, "exit")
        elif kind == event_kinds.WARNING and len(ledger.warned) < _WARNED:
            ledger.warned.append(f"{text(event, 'at')}: {text(event, 'c')}: {text(event, 'm')}")
        elif kind == event_kinds.COLLECTION_SKIPPED:
            ledger.skipped_whole[text(event, "id", "?")] = text(event, "m")
        elif kind in _OF_A_TEST:
            row = _row(ledger, whole(event, "i", -1))
            if row is not None:
                _report(row, event)
            if kind == event_kinds.TEST_FINISHED:
                marks.append(number(event, "t") - offset)
    ledger.curve = _thin(marks)
    return ledger


def final_result(row: Row) -> Result | None:
    """Return a test's single result, the worst of its reports; None when it never reported."""
    if not row.results:
        return None
    if row.subfailures and set(row.results) <= {Result.PASSED}:
        return Result.FAILED
    worst = min(row.results, key=lambda name: _ORDER.get(name, _ORDER["unknown"]))
    return Result(worst) if worst in _ORDER else Result.UNKNOWN


def reports_of(row: Row) -> list[Row]:
    """Return the reports of a row that count; see `Ledger.counts`."""
    found = row.reports or [row]
    if Result.CRASHED in row.results and len(found) > row.owed:
        crash = next(one for one in found if Result.CRASHED in one.results)
        others = [one for one in found if Result.CRASHED not in one.results]
        return [crash, *others[: max(0, row.owed - 1)]]
    return found


def _owe(ledger: Ledger, event: Event) -> None:
    """Note the reports owed. Only the first pass adds some; later ones run what is missing."""
    if ledger.progress.passes > 1:
        return
    dup = event.get("dup")
    extra = dup if isinstance(dup, dict) else {}
    unique = whole(event, "unique", len(ledger.rows))
    while len(ledger.rows) < unique:  # collected.txt was cut short; the reports are still owed
        ledger.rows.append(Row())
    for index in range(unique):
        ledger.rows[index].owed = 1
    for key, count in extra.items():
        if str(key).isdigit() and isinstance(count, int):
            row = _row(ledger, int(key))
            if row is not None:
                row.owed = count


def _row(ledger: Ledger, index: int) -> Row | None:
    return ledger.rows[index] if 0 <= index < len(ledger.rows) else None


def _report(row: Row, event: Event) -> None:
    kind = event["e"]
    if kind == event_kinds.TEST_STARTED:
        row.begun = True
        return
    if kind == event_kinds.ATTEMPT_RERUN:
        _report_again(row, event)
        return
    if kind == event_kinds.TEST_FINISHED and row.results and not row.reports:
        row.reports.append(_alone(row))
    if isinstance(event.get("x"), int) and row.failure is None:
        row.failure = whole(event, "x")
    if kind == event_kinds.SUBTEST_FAILED:
        row.subfailures += 1
        return
    row.results.append(text(event, "r", "?"))
    row.worker = text(event, "w")
    row.reason = text(event, "m")
    times = event.get("d")
    if isinstance(times, list) and len(times) == 3:  # noqa: PLR2004 - setup, call, teardown
        setup, call, teardown = (
            float(v) / 1000 if isinstance(v, (int, float)) else 0.0 for v in times
        )
        row.durations_s = (setup, call, teardown)
    if row.reports:
        row.reports.append(_alone(row))
        row.reports[-1].failure = whole(event, "x") if isinstance(event.get("x"), int) else None


def _alone(row: Row) -> Row:
    """Return the newest report of a row as its own row."""
    return Row(
        owed=1, results=row.results[-1:], durations_s=row.durations_s, worker=row.worker,
        reason=row.reason, failure=row.failure,
    )  # fmt: skip


def _report_again(row: Row, event: Event) -> None:
    """Handle a rerun event: the attempt did not decide, another one follows."""
    result = text(event, "r", "failed")
    if result == Result.UNKNOWN:
        row.repeats += 1
    else:
        row.reruns += 1
    if whole(event, "sub"):
        row.subfailures = max(0, row.subfailures - whole(event, "sub"))
        row.failure = row.failure if row.subfailures or row.results else None
    if result == Result.CRASHED:
        row.crashes += 1
        if len(row.results) >= row.owed > 0:  # it had reported just before its worker died
            row.results.pop()
            del row.reports[len(row.results) :]


def _thin(marks: list[float], points: int = 50) -> list[tuple[int, float]]:
    if not marks:
        return []
    step = max(1, len(marks) // points)
    chosen = list(range(step, len(marks), step))
    return [(n, round(marks[n - 1], 3)) for n in [*chosen, len(marks)]]
