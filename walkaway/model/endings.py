"""Decide how a run ended: facts in, verdict out. The rules are in order; the first match wins."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace

from walkaway.model import exit_codes as codes
from walkaway.model import reasons
from walkaway.model.facts import Facts
from walkaway.model.vocabulary import Outcome

_LIMITS = {
    "deadline": Outcome.TIMED_OUT,
    "stall": Outcome.STALLED,
    "output": Outcome.OUTPUT_LIMIT,
    "disk": Outcome.DISK_FULL,
}
_BETWEEN_TESTS = "a worker ended between two tests"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run's outcome and exit code, and what they rest on.

    ``because`` says what decided if the tests' results do not. ``explained`` is False when that is
    unknown too, for example when a plugin ends pytest with a status of its own.
    """

    outcome: Outcome
    code: int
    rests_on: str
    notes: tuple[str, ...] = ()
    because: str = ""
    explained: bool = True


def decide(facts: Facts) -> Verdict:
    """Return the verdict. Never raises: every combination of facts has a verdict."""
    if facts.ended_by and _ended_by_itself(facts):
        verdict = decide(replace(facts, ended_by=""))
        note = f"pytest had reported its end before it was ended ({facts.why or facts.ended_by})"
        return replace(verdict, notes=(*verdict.notes, note))
    for rule in (_not_started, _ended_on_purpose, _by_signal, _usage, _without_end, _by_status):
        found = rule(facts)
        if found is not None:
            return replace(found, notes=found.notes + _ended_otherwise(facts))
    return Verdict(
        Outcome.VANISHED,
        codes.VANISHED,
        "nothing shows how pytest ended: no exit status, no final event",
    )


def _whole(f: Facts) -> bool:
    """Return whether pytest recorded its end and every test reported: nothing was cut off."""
    complete = f.collected and f.missing == 0 and not f.lost_lines and not f.interrupted
    return complete and f.end in {codes.PASSED, codes.FAILED}


def _ended_by_itself(f: Facts) -> bool:
    """Return whether the run was already finished when the limit or the request came."""
    return _whole(f) and f.signal is None and f.exit_code in {None, f.end}


def _ended_otherwise(f: Facts) -> tuple[str, ...]:
    """Return a note if all tests were done and only pytest's process ended otherwise."""
    if not _whole(f) or (not f.ended_by and f.signal is None):
        return ()
    return (
        f"every test had reported and pytest ended with {f.end}, but its process ended otherwise",
    )


def _not_started(f: Facts) -> Verdict | None:
    if f.loaded or f.ended_by:
        return None
    if f.built:
        return Verdict(Outcome.NOTHING_RUN, codes.PASSED, f.built)
    if f.spawn_error:
        basis = f.spawn_error
    elif f.signal is not None:
        basis = f"pytest was ended by {reasons.signal_name(f.signal)} before the recorder loaded"
    elif f.exit_code is not None and f.listing:
        basis = f"{reasons.status_text(f)}, no test was to be run"
        return Verdict(Outcome.NOTHING_RUN, f.exit_code, basis)
    elif f.exit_code is not None:
        basis = f"the command ended with {f.exit_code} and the recorder never loaded"
    else:
        return None
    return Verdict(Outcome.NOT_STARTED, codes.NOT_STARTABLE, basis)


def _ended_on_purpose(f: Facts) -> Verdict | None:
    if f.ended_by in _LIMITS:
        return Verdict(_LIMITS[f.ended_by], codes.LIMIT, f.why or f.ended_by)
    if f.ended_by == "interrupt":
        return Verdict(Outcome.INTERRUPTED, codes.CTRL_C, f.why or "Ctrl-C")
    if f.ended_by:
        return Verdict(Outcome.STOPPED, codes.INTERRUPTED, f.why or "asked to stop")
    return None


def _by_signal(f: Facts) -> Verdict | None:
    number = f.signal
    if number is None and f.end is None and f.exit_code is not None:
        # A wrapper (uv run, sh) reports its child's signal as 128 + n.
        wrapped = f.exit_code - codes.SIGNAL_BASE
        number = wrapped if 0 < wrapped < signal.NSIG else None
    if number is None:
        return None
    name = reasons.signal_name(number)
    basis = f"pytest was ended by {name}"
    code = codes.SIGNAL_BASE + number
    if number == signal.SIGXFSZ:
        basis = f"{basis}, a file had reached its limit of size (RLIMIT_FSIZE)"
    if number == signal.SIGKILL and f.out_of_memory:
        return Verdict(Outcome.OUT_OF_MEMORY, codes.OUT_OF_MEMORY, f"{basis}, out of memory")
    if number == signal.SIGINT:
        return Verdict(Outcome.INTERRUPTED, codes.INTERRUPTED, basis)
    if number in {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP}:
        return Verdict(Outcome.KILLED, code, basis)
    return Verdict(Outcome.CRASHED, code, basis)


def _usage(f: Facts) -> Verdict | None:
    # With a recorded end, the 4 is pytest's own; without, it may be a test's os._exit(4).
    if f.status != codes.USAGE_ERROR or (f.end is None and f.looped) or f.passes > 1:
        return None
    return Verdict(Outcome.USAGE_ERROR, codes.USAGE_ERROR, reasons.status_text(f))


def _without_end(f: Facts) -> Verdict | None:
    """Decide when pytest's process has ended and the recorder never wrote the end."""
    if f.end is not None:
        return None
    if f.exit_code is None:
        return None
    basis = f"{reasons.status_text(f)} without a recorded end"
    if f.in_flight:
        basis = f"{basis}, {reasons.tests(f.in_flight)} in flight"
        return Verdict(Outcome.CRASHED, codes.INCOMPLETE, basis)
    if f.missing and not (f.stopping and f.bad):
        return Verdict(Outcome.INCOMPLETE, codes.INCOMPLETE, f"{basis}, {reasons.not_reported(f)}")
    if not f.collected and not f.listing and f.exit_code != codes.INTERNAL_ERROR:
        basis = f"{basis}, before it had collected"
        return Verdict(Outcome.INCOMPLETE, codes.INCOMPLETE, basis)
    return None


def _by_status(f: Facts) -> Verdict | None:  # noqa: PLR0911, C901 - the table's rows
    status = f.status
    if status is None:
        return None
    basis = reasons.status_text(f)
    if f.passes > 1 and status in {codes.PASSED, codes.NO_TESTS, codes.USAGE_ERROR}:
        # The last pass ran only a few tests, so the earlier passes' status counts.
        status = codes.FAILED if f.earlier or status == codes.USAGE_ERROR else codes.PASSED
    if status == codes.INTERRUPTED or (f.collection_errors and not f.reported):
        interrupted = _interrupted(f, basis)
        if interrupted is not None:
            return interrupted
    if status == codes.INTERNAL_ERROR:
        return Verdict(Outcome.INTERNAL_ERROR, codes.INTERNAL_ERROR, basis)
    if f.listing:
        return Verdict(Outcome.NOTHING_RUN, status, f"{basis}, no test was to be run")
    if f.missing and not f.stopping and not f.lost_lines:
        if f.bad or (f.recorder_errors and status == codes.FAILED):
            notes = (f"{reasons.tests(f.missing)} never reported",)
            return Verdict(
                Outcome.FAILED, codes.FAILED, f"{basis}, {reasons.not_reported(f)}", notes
            )
        return Verdict(Outcome.INCOMPLETE, codes.INCOMPLETE, f"{basis}, {reasons.not_reported(f)}")
    if not f.collected and not f.collection_errors and status in {codes.PASSED, codes.FAILED}:
        why = f", {f.interrupted}" if f.interrupted else ""
        basis = f"{basis} before it had collected{why}"
        return Verdict(Outcome.INCOMPLETE, codes.INCOMPLETE, basis)
    nothing = not f.expected and not f.bad and not f.collection_errors
    if status == codes.NO_TESTS or (status == codes.PASSED and nothing):
        if status == codes.PASSED:
            basis = f"{basis}, no test was selected"
        return Verdict(Outcome.NO_TESTS, status, basis)
    return _passed_or_failed(f, status, basis)


def _interrupted(f: Facts, basis: str) -> Verdict | None:
    """Decide on exit status 2: Ctrl-C, collection errors, or stopping early.

    Under xdist, collection errors that kept every test from running end with 1.
    """
    if f.interrupted:
        why = f"{basis}, {f.interrupted}"
        return Verdict(Outcome.INTERRUPTED, codes.INTERRUPTED, why)
    if f.collection_errors and not f.reported:
        errors = reasons.count(f.collection_errors, "collection error")
        return Verdict(Outcome.COLLECTION_ERROR, codes.INTERRUPTED, f"{basis}, {errors}")
    if f.bad or f.worker_crashes or f.collection_errors:
        return None  # -x under xdist, or no worker left: a failed run
    why = f"{basis}, {f.stopping}" if f.stopping else basis
    return Verdict(Outcome.INTERRUPTED, codes.INTERRUPTED, why)


def _passed_or_failed(f: Facts, status: int, basis: str) -> Verdict:
    owed = f.expected + f.skipped_whole
    reported = f"{owed - f.missing:,} of {reasons.tests(owed)} reported"
    basis = ", ".join(filter(None, (basis, reasons.crashed(f), reported)))
    failed, notes = reasons.what_failed(f), _notes(f, status)
    if status == codes.PASSED:
        if f.crashed or (failed and not f.forgiven):
            return Verdict(Outcome.FAILED, codes.FAILED, basis, notes)
        if not failed:
            return Verdict(Outcome.PASSED, codes.PASSED, basis, notes)
        because = f"pytest ended with 0 although {failed}: a plugin decided so"
        return Verdict(Outcome.PASSED, codes.PASSED, basis, (*notes, because), because)
    if f.worker_crashes and status == codes.INTERRUPTED:
        status = codes.FAILED  # xdist ends with 2 when no worker is left
    because = reasons.threshold(f, status)
    if failed or because:
        return Verdict(Outcome.FAILED, status, basis, notes, because)
    if f.worker_crashes > f.crashes_made_good:
        return Verdict(Outcome.FAILED, status, basis, notes, _BETWEEN_TESTS)
    if status == codes.FAILED:
        notes += ("no test failed: something else in pytest's run made it end with 1",)
    because = reasons.status_text(f)
    return Verdict(Outcome.FAILED, status, basis, notes, because, explained=False)


def _notes(f: Facts, status: int) -> tuple[str, ...]:
    notes: list[str] = []
    if f.out_of_memory:
        notes.append("a process of the run was killed because memory ran out")
    failed = reasons.what_failed(f)
    if status == codes.PASSED and failed and not f.forgiven:
        notes.append(f"{_end_missing(f)}: exit status 0 is no pass when {failed}")
    elif f.end is None:
        notes.append(f"{_end_missing(f)}; its exit status is used instead")
    if f.ended_early:
        notes.append(f"a worker ended before it had collected: {f.ended_early}")
    elif f.worker_crashes > f.crashes_made_good and not f.crashed:
        notes.append(_BETWEEN_TESTS)
    return tuple(notes)


def _end_missing(f: Facts) -> str:
    return f"pytest's end was not recorded{' in every pass' if f.before else ''}"
