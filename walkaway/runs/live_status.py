"""The parts of a run's status that depend on its backend: preparing phases, the engine's facts."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

from walkaway.model import events, journal_kinds
from walkaway.model.progress import Progress
from walkaway.model.run import Run
from walkaway.model.vocabulary import Status
from walkaway.process import clock, file_lock
from walkaway.record import evidence, reader
from walkaway.record.store import Record
from walkaway.runs import adopt, judge, lingering_threads

QUEUED = "queued"
_VERDICT_WAIT_S = 10.0
_POLL_S = 0.05
_SILENT_S = 5.0
_silent_until: dict[str, float] = {}
"""Engines that just failed to answer, until when: finding out that one hangs takes seconds."""
Standing = tuple[dict[str, Any] | None, Status, str]


def live_status(state: Progress, journal: list[events.Event]) -> Status:
    """Return whether a live run is queued, preparing or running."""
    if state.done or (state.collected and state.first_start):
        return Status.RUNNING
    preparing = _preparing(journal)
    return Status.QUEUED if preparing.get("phase") == QUEUED else Status.PREPARING


def phase(state: Progress, journal: list[events.Event], status: Status) -> str:
    """Return what a queued or preparing run is doing; empty for any other status."""
    if status is Status.QUEUED:
        return events.text(_preparing(journal), "m")
    if status is not Status.PREPARING:
        return ""
    if not state.loaded:
        return events.text(_preparing(journal), "phase") or "starting pytest"
    return "starting the first test" if state.collected else "collecting"


def staying(
    record: Record, run: Run, state: Progress, journal: list[events.Event]
) -> tuple[str, ...]:
    """Return what keeps the process open after pytest's end, once the supervisor has noticed.

    One empty string when it stays open and the cause is unknown.
    """
    noticed = events.last(journal, journal_kinds.LINGERING)
    if noticed is None or state.ended is None:
        return ()
    if events.number(noticed, "t") < events.number(state.ended, "t"):
        return ()  # from an earlier pass
    found = lingering_threads.holders(record.folder, run.root, state.ended, noticed)
    return tuple(holder.what for holder in found) or ("",)


def engine_silent(journal: list[events.Event]) -> bool:
    """Return whether the run's current supervisor gets no answer from the engine."""
    for event in reversed(journal):
        if event["e"] == journal_kinds.SUPERVISOR_STARTED:
            break  # events of an earlier supervisor are out of date
        if event["e"] == journal_kinds.ENGINE_ANSWERS:
            return event.get("answers") is False
    return False


def without_supervisor(record: Record, run: Run) -> Standing | None:
    """Return the status of a Compose run without a supervisor; None: the record alone decides.

    If the container exists, a new supervisor adopts the run and writes the verdict; for a container
    that has already ended this call waits for it. Where adoption is impossible, for example after a
    reboot, the engine's facts are stored as evidence and the verdict is derived from them.
    """
    from walkaway.environment import container

    if file_lock.probe(str(record.path(container.LAUNCHING))) is file_lock.Hold.HELD:
        return _adopted(record, run, over=False)
    here = run.host.split(" ")[0] == clock.host().split(" ")[0]
    known = evidence.of_last_pass(str(record.folder)) if here else {}
    standing = None
    if not known or run.boot_id == clock.boot_id():
        standing = _as_engine_says(record, run)
    if known and (standing is None or standing[1] is Status.UNKNOWN):
        return _derived(record, known)
    return standing


def _as_engine_says(record: Record, run: Run) -> Standing | None:
    from walkaway.environment import container, container_calls
    from walkaway.environment.project import on_engine

    environ = on_engine(os.environ, run.compose.engine if run.compose else {})
    why = f"the Docker engine does not answer; {_last_event(record, run)}"
    if _silent(environ):
        return None, Status.UNKNOWN, why
    spawned = evidence.last_pass(str(record.folder))
    for number in (spawned + 1, spawned):  # it may have died before journaling the last pass
        name = container.name(run.root, run.id, number)
        found = container_calls.inspect(name, environ)
        if found is None:
            return None, Status.UNKNOWN, why
        if found.status:
            standing = _adopted(record, run, over=found.over)
            if standing is None and found.over:
                return _derived(record, evidence.facts(number, name, found._asdict()))
            return standing
    return None


def _derived(record: Record, known: Mapping[str, Any]) -> Standing:
    """Judge by the engine's facts; store them if the record is ours, as the container may go."""
    folder = str(record.folder)
    with contextlib.suppress(OSError):
        if record.folder.stat().st_uid == os.geteuid() and not evidence.of_last_pass(folder):
            evidence.write(folder, known)
    return judge.judge_for_reader(folder, known), Status.DONE, ""


def _silent(environ: Mapping[str, str]) -> bool:
    """Return whether an engine is silent. A silent one is not asked again for 5 s."""
    from walkaway.environment import engine
    from walkaway.environment.project import which_engine

    key = repr(sorted(which_engine(environ).items()))
    if time.monotonic() < _silent_until.get(key, 0.0):
        return True
    silent = bool(engine.silent_because(environ))
    if silent:
        _silent_until[key] = time.monotonic() + _SILENT_S
    return silent


def _adopted(record: Record, run: Run, *, over: bool) -> Standing | None:
    if not adopt.adopt(record, run):
        return (None, Status.RUNNING, "unsupervised") if not over else None
    until = time.monotonic() + (_VERDICT_WAIT_S if over else 0.0)
    while time.monotonic() < until:
        found = reader.outcome(record.folder)
        if found is not None:
            return found, Status.DONE, ""
        time.sleep(_POLL_S)
    return None, Status.RUNNING, "adopted"


def _preparing(journal: list[events.Event]) -> events.Event:
    """Return the last `preparing` event; empty if there is none or pytest has started since."""
    for event in reversed(journal):
        if event["e"] == journal_kinds.SPAWNED:
            break
        if event["e"] == journal_kinds.PREPARING:
            return event
    return {}


def _last_event(record: Record, run: Run) -> str:
    last = 0.0
    for event in events.parse(reader.tail(record.path("events.jsonl"), 64 * 1024)):
        last = max(last, events.number(event, "t"))
    if not last:
        return "it has recorded no event"
    age = max(0.0, clock.boot_s() - run.started_boot - last)
    return f"the last event is {age:.0f} s old"
