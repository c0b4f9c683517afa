"""Derive a run's status from a bounded part of its record, anew at every look.

Order: the outcome; the supervisor's lock; the outcome again; pytest's lock; then whatever else
survives. Readers never write an outcome. A live pytest without a supervisor gets a new one.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import eta, events, exit_codes, journal_kinds, progress
from walkaway.model.progress import Progress
from walkaway.model.run import Run
from walkaway.model.run_view import Counts, Ended, RunningTest, RunView, Tree, ended_from_json
from walkaway.model.vocabulary import Outcome, Status
from walkaway.process import clock, file_lock
from walkaway.record import durations, reader
from walkaway.record.store import Record, Records
from walkaway.runs import adopt, backend_choice, judge, live_status

_JOURNAL_BYTES = 64 * 1024
_SHOWN_FLIGHTS = 16
_UNKNOWN_BOOT = "the machine was restarted, and the run left no verdict"


def look(records: Records, record: Record, *, tail_lines: int = 0) -> RunView:
    """Return what is known of a run now. Reads a bounded part of every file.

    ``tail_lines``: how many of the log's last lines to include. Raises `WalkawayError` 66 when the
    record or its outcome cannot be read.
    """
    run = record.run()
    found, status, note = _standing(record, run)
    state = progress.fold(reader.recent_events(record.path("events.jsonl")))
    if status is Status.DONE and found is None:
        found = _derived(record, run)
    ended = _ended(record, found)
    journal = _journal(record)
    now = _now(run, state, found)
    running = status in {Status.QUEUED, Status.PREPARING, Status.RUNNING}
    if running:
        status = live_status.live_status(state, journal)
    names = reader.Ids(record.folder)
    past = durations.newest(records, run.id) if running else []
    return RunView(
        run=run,
        status=status,
        record=str(record.folder),
        log=str(record.log),
        elapsed_s=now,
        counts=_counts(state, found),
        phase=live_status.phase(state, journal, status),
        ended=ended,
        supervised=note not in {"adopted", "unsupervised"},
        adopted_now=note == "adopted",
        eta_s=_eta(run, state, now, past) if running else None,
        flights=_flights(state, names, past, now) if running else (),
        workers=len(state.workers),
        silent_s=max(0.0, now - max(state.last_t, _spawned(journal))) if running else 0.0,
        busy=_busy(journal, state) if running else None,
        staying=live_status.staying(record, run, state, journal) if running else (),
        ending=_ending(journal) if running else "",
        engine_silent=running and live_status.engine_silent(journal),
        tree=_tree(journal),
        tail=tuple(reader.log_lines(record.log, tail_lines)),
        why_unknown=note if status is Status.UNKNOWN else "",
    )


def standing(record: Record) -> Status:
    """Return only whether a run is live (`RUNNING`) or not (`DONE`). Cheap; adopts nothing."""
    if reader.outcome(record.folder) is not None:
        return Status.DONE
    held = file_lock.probe(str(record.path("supervisor.lock")))
    if (
        held is file_lock.Hold.HELD
        or file_lock.probe(str(record.path("pytest.lock"))) is file_lock.Hold.HELD
    ):
        return Status.RUNNING
    return Status.DONE


def _standing(  # noqa: PLR0911, C901 - the steps of the order above, each with its return
    record: Record, run: Run
) -> tuple[dict[str, Any] | None, Status, str]:
    """Return outcome.json if there is one, a first status, and a note on how it was derived."""
    found = reader.outcome(record.folder)
    if found is not None:
        return found, Status.DONE, ""
    held = file_lock.probe(str(record.path("supervisor.lock")), run.lock)
    if held is file_lock.Hold.HELD:
        return None, Status.RUNNING, ""
    found = reader.outcome(record.folder)  # it may have been written since the first check
    if found is not None:
        return found, Status.DONE, ""
    pytest_lock = file_lock.probe(str(record.path("pytest.lock")))
    if pytest_lock is file_lock.Hold.HELD:
        return None, Status.RUNNING, "adopted" if adopt.adopt(record, run) else "unsupervised"
    if run.backend == backend_choice.COMPOSE and held is not file_lock.Hold.ELSEWHERE:
        standing = live_status.without_supervisor(record, run)
        if standing is not None:
            return standing
    if _recorded_its_end(record):
        return None, Status.DONE, ""
    if run.host and run.host.split(" ")[0] != clock.host().split(" ")[0]:
        return None, Status.UNKNOWN, f"it was started on another host ({run.host.split(' ')[0]})"
    if run.boot_id and run.boot_id != clock.boot_id():
        return None, Status.UNKNOWN, _UNKNOWN_BOOT
    if held is file_lock.Hold.ELSEWHERE or run.host != clock.host():
        return None, Status.UNKNOWN, "the record's locks are not visible from here"
    return None, Status.DONE, ""


def _recorded_its_end(record: Record) -> bool:
    state = progress.fold(reader.recent_events(record.path("events.jsonl")))
    return state.ended is not None


def _derived(record: Record, run: Run) -> dict[str, Any]:
    """Judge a run whose supervisor and pytest are gone. Writes nothing."""
    judged = judge.judge_for_reader(str(record.folder))
    if judged["outcome"] == Outcome.VANISHED:
        last = progress.fold(reader.recent_events(record.path("events.jsonl"))).last_t
        age = max(0.0, clock.boot_s() - run.started_boot - last)
        note = (
            f"its supervisor and pytest are gone; the last event is {age:.0f} s old"
            if last
            else "its supervisor is gone, and no event was recorded"
        )
        judged["notes"] = [*judged["notes"], note]
    return judged


def _ended(record: Record, found: dict[str, Any] | None) -> Ended | None:
    if found is None:
        return None
    try:
        return ended_from_json(found, recorded="derived" not in found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Written by another version or by hand: anything we said about it might be wrong.
        path = record.path("outcome.json")
        message = f"The outcome of run {record.id} cannot be read: {error}.\nIt is in {path}"
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN) from error


def _now(run: Run, state: Progress, found: dict[str, Any] | None) -> float:
    """Return the run's age in seconds; for a finished run, how long it took."""
    if found is not None:
        return events.number(found, "duration_s") or state.last_t
    if run.boot_id == clock.boot_id():
        return max(0.0, clock.boot_s() - run.started_boot)
    return max(state.last_t, 0.0, time.time() - run.created_s)


def _counts(state: Progress, found: dict[str, Any] | None) -> Counts:
    whole = state.skipped_whole if state.collected else 0  # during collection it would be the total
    counts, expected = progress.with_skipped(state.counts, whole), state.expected + whole
    if found is not None and isinstance(found.get("counts"), dict):
        counts, expected = found["counts"], int(found.get("expected") or 0)
    done = sum(n for name, n in counts.items() if name != "subfailed")
    return Counts(
        done=done,
        expected=expected,
        by_result=counts,
        collection_errors=state.collection_errors,
        warnings=state.warnings,
        dropped=state.dropped,
    )


def _journal(record: Record) -> list[events.Event]:
    path = record.path("supervisor.jsonl")
    first = reader.head(path, _JOURNAL_BYTES)
    found = list(events.parse(first))
    if len(first) == _JOURNAL_BYTES:
        found += events.parse(reader.tail(path, _JOURNAL_BYTES))
    return found


def _spawned(journal: list[events.Event]) -> float:
    return events.number(events.last(journal, journal_kinds.SPAWNED), "t")


def _busy(journal: list[events.Event], state: Progress) -> float | None:
    silent = events.last(journal, journal_kinds.SILENT)
    if silent is None or events.number(silent, "t") < state.last_t:
        return None
    return events.number(silent, "busy")


def _ending(journal: list[events.Event]) -> str:
    limit, stop = (
        events.last(journal, journal_kinds.LIMIT_REACHED),
        events.last(journal, journal_kinds.STOP_REQUESTED),
    )
    if limit is not None:
        return events.text(limit, "m")
    return f"stop requested by {events.text(stop, 'by')}" if stop is not None else ""


def _tree(journal: list[events.Event]) -> Tree:
    trees = [event for event in journal if event["e"] == journal_kinds.SOURCE_TREE]
    if not trees:
        return Tree()
    changed = trees[-1].get("changed")
    paths = tuple(str(path) for path in changed) if isinstance(changed, list) else ()
    head = events.text(trees[0], "head")
    return Tree(
        head="" if head.startswith("(") else head[:7],
        dirty=events.whole(trees[0], "n"),
        changed=paths,
        nchanged=events.whole(trees[-1], "nchanged", len(paths)),
    )


def _flights(
    state: Progress, names: reader.Ids, past: list[Path], now: float
) -> tuple[RunningTest, ...]:
    flights = []
    for row in state.running[:_SHOWN_FLIGHTS]:
        nodeid = names[row.index]
        flights.append(
            RunningTest(
                nodeid, row.worker, max(0.0, now - row.since), durations.usual_s(past, nodeid)
            )
        )
    return tuple(flights)


def _eta(run: Run, state: Progress, now: float, past: list[Path]) -> tuple[float, float] | None:
    curve: list[tuple[int, float]] = []
    for path in past:
        finished = reader.outcome(path.parent)
        points = finished.get("curve") if finished else None
        with contextlib.suppress(TypeError, ValueError, WalkawayError):
            if points and Record(path.parent).run().label == run.label:
                curve = [(int(n), float(t)) for n, t in points]
                break
    running = now - (state.first_start or 0.0)
    return eta.remaining_s(state.done, state.expected, running, curve)
