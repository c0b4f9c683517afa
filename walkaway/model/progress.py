"""Fold a run's events into its progress: counts, tests in flight, pytest's own end.

It can start at a checkpoint, so the last 64 KB or so of the events are enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from walkaway.model import event_kinds
from walkaway.model.events import Event, number, text, whole
from walkaway.model.vocabulary import BAD, Result


@dataclass(frozen=True, slots=True)
class InFlight:
    """A test that has started and not finished. ``since``: seconds since the run's start."""

    index: int
    worker: str
    since: float


@dataclass(slots=True)
class Progress:
    """The counters of one run over all its passes. Mutable: `add` folds an event in."""

    loaded: bool = False
    collected: bool = False
    looped: bool = False
    listing: bool = False
    expected: int = 0
    """How many reports the run owes, over all passes so far."""
    counts: dict[str, int] = field(default_factory=dict)
    in_flight: dict[tuple[str, int], float] = field(default_factory=dict)
    workers: set[str] = field(default_factory=set)
    failures: int = 0
    """How many lines failures.jsonl has."""
    collection_errors: int = 0
    warnings: int = 0
    dropped: int = 0
    skipped_whole: int = 0
    """Modules and classes skipped as a whole during collection; not included in ``counts``."""
    passes: int = 1
    ended: Event | None = None
    """The recorder's final event of the newest pass."""
    internal_error: str = ""
    interrupted: Event | None = None
    stopping: str = ""
    unheard: bool = False
    """The run was stopped, and an xdist worker may have gone on without reporting."""
    worker_crashes: int = 0
    ended_early: str = ""
    """Why a worker ended before it had finished collecting; empty if none did."""
    in_flight_lost: set[int] = field(default_factory=set)
    """Tests that were in flight on a worker when it crashed: the suspects."""
    missed: dict[str, object] = field(default_factory=dict)
    """Thresholds that the newest pass missed: `warnings`, `coverage`, `flaky`, as recorded."""
    last_t: float = 0.0
    first_start: float | None = None
    recorder_errors: int = 0
    """Errors of the recorder itself."""
    recorder_error: str = ""
    """The text of the first of them."""
    closed_by: list[int] = field(default_factory=list)
    """Tests that closed the recorder's files; -1 for an unknown one."""
    limited_by: tuple[int, int] | None = None
    """The test that limited file sizes (-1 for an unknown one) and the limit in bytes."""

    @property
    def done(self) -> int:
        """How many tests have reported."""
        return sum(n for result, n in self.counts.items() if result != "subfailed")

    @property
    def bad(self) -> int:
        """How many tests failed, errored or crashed."""
        return sum(n for result, n in self.counts.items() if result in BAD)

    @property
    def lost_lines(self) -> bool:
        """Whether events were dropped although every test reported: no test is missing."""
        return self.ended is not None and self.dropped > 0 and self.done >= self.expected

    @property
    def running(self) -> list[InFlight]:
        """The tests in flight, longest-running first."""
        rows = [InFlight(i, w, since) for (w, i), since in self.in_flight.items()]
        return sorted(rows, key=lambda row: (row.since, row.worker))

    def add(self, event: Event) -> None:
        """Fold one event in."""
        self.last_t = max(self.last_t, number(event, "t"))
        step = _STEPS.get(event["e"])
        if step is not None:
            step(self, event)


def with_skipped(counts: dict[str, int], skipped_whole: int) -> dict[str, int]:
    """Return counts as in pytest's summary: a module skipped as a whole is one skipped test."""
    if not skipped_whole:
        return dict(counts)
    return counts | {"skipped": counts.get("skipped", 0) + skipped_whole}


def fold(events: Iterable[Event], into: Progress | None = None) -> Progress:
    """Fold events into ``into`` (a new progress unless given) and return it."""
    progress = into or Progress()
    for event in events:
        progress.add(event)
    return progress


def _loaded(p: Progress, event: Event) -> None:
    p.loaded = True
    p.passes = max(p.passes, whole(event, "pass", 1))
    p.ended = None
    p.missed = {}
    p.in_flight.clear()


def _configured(p: Progress, event: Event) -> None:
    p.listing = event.get("list") is True


def _collected(p: Progress, event: Event) -> None:
    p.collected = True
    if p.passes == 1:
        p.expected = whole(event, "n")
        p.counts.clear()
    workers = event.get("workers")
    if isinstance(workers, list):
        p.workers.update(w for w in workers if isinstance(w, str))


def _loop(p: Progress, _event: Event) -> None:
    p.looped = True


def _start(p: Progress, event: Event) -> None:
    t = number(event, "t")
    if p.first_start is None:
        p.first_start = t
    p.in_flight[text(event, "w"), whole(event, "i", -1)] = t


def _finish(p: Progress, event: Event) -> None:
    index, worker, result = whole(event, "i", -1), text(event, "w"), text(event, "r")
    if p.in_flight.pop((worker, index), None) is None:
        for key in [key for key in p.in_flight if key[1] == index]:
            del p.in_flight[key]
    p.counts[result] = p.counts.get(result, 0) + 1
    if isinstance(event.get("x"), int):
        p.failures = max(p.failures, whole(event, "x") + 1)


def _unknown(p: Progress, event: Event) -> None:
    """Take a test out of flight when its result could not be recorded: it is still owed."""
    p.in_flight.pop((text(event, "w"), whole(event, "i", -1)), None)


def _recorder_error(p: Progress, event: Event) -> None:
    p.recorder_errors += 1
    p.recorder_error = p.recorder_error or text(event, "m", "?")


def _closed(p: Progress, event: Event) -> None:
    p.closed_by.append(whole(event, "i", -1))


def _limit(p: Progress, event: Event) -> None:
    p.limited_by = p.limited_by or (whole(event, "i", -1), whole(event, "n"))


def _sub(p: Progress, event: Event) -> None:
    p.counts["subfailed"] = p.counts.get("subfailed", 0) + 1
    p.failures = max(p.failures, whole(event, "x", -1) + 1)


def _again(p: Progress, event: Event) -> None:
    """Handle a rerun by a plugin: subfailures and a crash of that attempt no longer count."""
    left = p.counts.get("subfailed", 0) - whole(event, "sub")
    if left > 0:
        p.counts["subfailed"] = left
    else:
        p.counts.pop("subfailed", None)
    if text(event, "r") == Result.CRASHED:
        p.in_flight_lost.discard(whole(event, "i", -1))


def _collection_error(p: Progress, event: Event) -> None:
    p.collection_errors += 1
    p.failures = max(p.failures, whole(event, "x", -1) + 1)


def _skipped_whole(p: Progress, _event: Event) -> None:
    p.skipped_whole += p.passes == 1


def _warning(p: Progress, _event: Event) -> None:
    p.warnings += 1


def _internal(p: Progress, event: Event) -> None:
    p.internal_error = p.internal_error or text(event, "m", "?")


def _interrupt(p: Progress, event: Event) -> None:
    p.interrupted = event


def _worker_down(p: Progress, event: Event) -> None:
    worker = text(event, "w")
    crashed = event.get("m") is not None
    p.worker_crashes += crashed
    p.ended_early = p.ended_early or text(event, "early")
    for key in [key for key in p.in_flight if key[0] == worker]:
        del p.in_flight[key]
        if crashed:
            p.in_flight_lost.add(key[1])


def _drain(p: Progress, _event: Event) -> None:
    p.unheard = True


def _drained(p: Progress, event: Event) -> None:
    p.unheard = event.get("deaf") != []


def _stopping(p: Progress, event: Event) -> None:
    p.stopping = text(event, "m")


def _missed(p: Progress, event: Event) -> None:
    p.missed = {name: value for name, value in event.items() if name not in {"e", "t"}}


def _totals(p: Progress, event: Event) -> None:
    """Merge the totals of a checkpoint or the end, taking the larger of each count.

    Totals and folded events both cover all passes so far, and either may miss some: events were
    dropped, or the recorder could not continue from the pass before.
    """
    counts = event.get("c")
    if isinstance(counts, dict):
        for name, n in counts.items():
            if isinstance(n, int):
                p.counts[str(name)] = max(n, p.counts.get(str(name), 0))
        p.expected = max(p.expected, whole(event, "n"))
        p.skipped_whole = max(p.skipped_whole, whole(event, "sw"))
        p.loaded = True
    p.failures = max(p.failures, whole(event, "x"))
    p.recorder_errors = max(p.recorder_errors, whole(event, "re"))
    p.recorder_error = p.recorder_error or text(event, "rem")
    p.collection_errors = max(p.collection_errors, whole(event, "ce"))
    p.warnings = max(p.warnings, whole(event, "wn"))
    p.dropped = max(p.dropped, whole(event, "dropped"))
    p.passes = max(p.passes, whole(event, "pass", 1))


def _checkpoint(p: Progress, event: Event) -> None:
    _totals(p, event)
    p.collected = True
    flights = event.get("fl")
    if isinstance(flights, list):
        p.in_flight = {}
        for row in flights:
            match row:
                case [int(index), str() | None as worker, int() | float() as since]:
                    p.in_flight[worker or "", index] = float(since)
    p.workers.update(w for w, _ in p.in_flight if w)


def _end(p: Progress, event: Event) -> None:
    _totals(p, event)
    p.collected = p.collected or p.expected > 0
    p.ended = event
    p.in_flight.clear()


_STEPS = {
    event_kinds.LOADED: _loaded,
    event_kinds.CONFIGURED: _configured,
    event_kinds.COLLECTED: _collected,
    event_kinds.RUN_LOOP: _loop,
    event_kinds.TEST_STARTED: _start,
    event_kinds.TEST_FINISHED: _finish,
    event_kinds.RESULT_UNKNOWN: _unknown,
    event_kinds.RECORDER_ERROR: _recorder_error,
    event_kinds.FILES_CLOSED: _closed,
    event_kinds.FILE_SIZE_LIMITED: _limit,
    event_kinds.SUBTEST_FAILED: _sub,
    event_kinds.ATTEMPT_RERUN: _again,
    event_kinds.COLLECTION_ERROR: _collection_error,
    event_kinds.COLLECTION_SKIPPED: _skipped_whole,
    event_kinds.WARNING: _warning,
    event_kinds.INTERNAL_ERROR: _internal,
    event_kinds.INTERRUPTED: _interrupt,
    event_kinds.WORKER_DOWN: _worker_down,
    event_kinds.DRAINING: _drain,
    event_kinds.DRAINED: _drained,
    event_kinds.STOPPING_EARLY: _stopping,
    event_kinds.THRESHOLDS_MISSED: _missed,
    event_kinds.CHECKPOINT: _checkpoint,
    event_kinds.END: _end,
}
