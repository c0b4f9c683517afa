"""The ledger: what was collected minus what reported, by name.

Reads a whole record, so it is for the end of a run and for `results`, never for a look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Row:
    """One test: its results in the order of reporting (several for duplicates), and its times."""

    owed: int = 0
    begun: bool = False
    results: list[str] = field(default_factory=list)
    durations_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    worker: str = ""
    reason: str = ""
    failure: int | None = None
    """Line in failures.jsonl."""
    subfailures: int = 0
    reruns: int = 0
    """Attempts that failed, and were made again by a plugin."""
    repeats: int = 0
    """Attempts that were made again, and nothing tells how they had ended."""
    crashes: int = 0
    """Those of ``reruns`` that ended with their worker."""
    reports: list[Row] = field(default_factory=list)
    """Each report as a row of its own, where there are several."""

    @property
    def missing(self) -> int:
        """Reports that were owed and never came."""
        return max(0, self.owed - len(self.results))

    @property
    def total_s(self) -> float:
        """Seconds in setup, call and teardown together."""
        return sum(self.durations_s)


@dataclass(slots=True)
class Ledger:
    """All tests of a run, by their index in collected.txt, and the fold of its events."""

    rows: list[Row] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)
    curve: list[tuple[int, float]] = field(default_factory=list)
    """(tests done, seconds after pytest's start): how the run went, for the next one's ETA."""
    exits: dict[int, int] = field(default_factory=dict)
    """Pytest's exit status by pass, of those that wrote their end."""
    warned: list[str] = field(default_factory=list)
    """The first warnings: `tests/a.py:3: UserWarning: old`."""
    skipped_whole: dict[str, str] = field(default_factory=dict)
    """Modules and classes that were skipped while being collected, with the reason."""

    @property
    def missing(self) -> list[int]:
        """Indexes of tests that owe a report."""
        return [i for i, row in enumerate(self.rows) if row.missing]

    def may_have_run(self, index: int) -> bool:
        """Tell whether a test without a result had begun when its run was ended, or may have."""
        return self.rows[index].begun or self.progress.unheard

    @property
    def flaky(self) -> list[int]:
        """Indexes of tests that passed only on a rerun."""
        return [
            i for i, row in enumerate(self.rows) if row.reruns and final_result(row) == "passed"
        ]

    @property
    def counts(self) -> dict[str, int]:
        """Results by name, each owed report once.

        A worker that dies just after a test's report makes xdist report that test again, as
        crashed: then this takes the other report's place.
        """
        counts: dict[str, int] = {}
        for row in self.rows:
            for one in reports_of(row):
                for result in one.results:
                    counts[result] = counts.get(result, 0) + 1
        return counts


def build(ids: Sequence[str], events: Iterable[Event]) -> Ledger:
    """Fold all events of a run whose collected ids are given."""
    ledger = Ledger([Row() for _ in ids])
    marks: list[float] = []
    offset = 0.0
    for event in events:
        kind = event["e"]
        ledger.progress.add(event)
        if kind == "loaded" and not marks:
            offset = number(event, "t")
        elif kind == "collected":
            _owe(ledger, event)
        elif kind == "end":
            ledger.exits[ledger.progress.passes] = whole(event, "exit")
        elif kind == "wn" and len(ledger.warned) < _WARNED:
            ledger.warned.append(f"{text(event, 'at')}: {text(event, 'c')}: {text(event, 'm')}")
        elif kind == "cs":
            ledger.skipped_whole[text(event, "id", "?")] = text(event, "m")
        elif kind in {"s", "f", "sub", "rr"}:
            row = _row(ledger, whole(event, "i", -1))
            if row is not None:
                _report(row, event)
            if kind == "f":
                marks.append(number(event, "t") - offset)
    ledger.curve = _thin(marks)
    return ledger


def final_result(row: Row) -> Result | None:
    """Return the one result of a test: the worst of its reports; None when it never reported."""
    if not row.results:
        return None
    if row.subfailures and set(row.results) <= {Result.PASSED}:
        return Result.FAILED
    worst = min(row.results, key=lambda name: _ORDER.get(name, _ORDER["unknown"]))
    return Result(worst) if worst in _ORDER else Result.UNKNOWN


def reports_of(row: Row) -> list[Row]:
    """Return each report of a row that counts; see `Ledger.counts`."""
    found = row.reports or [row]
    if Result.CRASHED in row.results and len(found) > row.owed:
        crash = next(one for one in found if Result.CRASHED in one.results)
        others = [one for one in found if Result.CRASHED not in one.results]
        return [crash, *others[: max(0, row.owed - 1)]]
    return found


def _owe(ledger: Ledger, event: Event) -> None:
    """Only the first pass owes reports: a later one runs what is still missing."""
    if ledger.progress.passes > 1:
        return
    dup = event.get("dup")
    extra = dup if isinstance(dup, dict) else {}
    unique = whole(event, "unique", len(ledger.rows))
    while len(ledger.rows) < unique:  # collected.txt was cut short: the ids are gone, not the debt
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
    if kind == "s":
        row.begun = True
        return
    if kind == "rr":
        _report_again(row, event)
        return
    if kind == "f" and row.results and not row.reports:
        row.reports.append(_alone(row))
    if isinstance(event.get("x"), int) and row.failure is None:
        row.failure = whole(event, "x")
    if kind == "sub":
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
    """Return the newest report of a row as a row of its own."""
    return Row(
        owed=1, results=row.results[-1:], durations_s=row.durations_s, worker=row.worker,
        reason=row.reason, failure=row.failure,
    )  # fmt: skip


def _report_again(row: Row, event: Event) -> None:
    """Take in that an attempt did not decide: another one is made."""
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
        if len(row.results) >= row.owed > 0:  # it had reported, and its worker died just then
            row.results.pop()
            del row.reports[len(row.results) :]


def _thin(marks: list[float], points: int = 50) -> list[tuple[int, float]]:
    if not marks:
        return []
    step = max(1, len(marks) // points)
    chosen = list(range(step, len(marks), step))
    return [(n, round(marks[n - 1], 3)) for n in [*chosen, len(marks)]]
