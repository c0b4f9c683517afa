"""How a run ended: facts in, verdict out. The table of endings, first match wins."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from walkaway.model import exitcodes as codes
from walkaway.model.words import Outcome

_LIMITS = {
    "deadline": Outcome.TIMED_OUT,
    "stall": Outcome.STALLED,
    "output": Outcome.OUTPUT_LIMIT,
    "disk": Outcome.DISK_FULL,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a run's end.

    ``exit_code`` and ``signal`` are the process's, None when not observed; ``end`` is the status
    that the recorder wrote last; ``ended_by`` is what made the supervisor end it: deadline, stall,
    output, disk, stop, interrupt, or nothing. ``missing`` counts tests that owe a report.
    """

    loaded: bool
    exit_code: int | None = None
    signal: int | None = None
    end: int | None = None
    ended_by: str = ""
    why: str = ""
    out_of_memory: bool = False
    spawn_error: str = ""
    listing: bool = False
    looped: bool = False
    collection_errors: int = 0
    internal_error: str = ""
    interrupted: str = ""
    stopping: str = ""
    expected: int = 0
    missing: int = 0
    bad: int = 0
    crashed: int = 0
    in_flight: int = 0
    dropped: int = 0
    supervised: bool = True
    lost_lines: bool = False
    """Events were dropped, so that ``missing`` speaks of lines, not of tests."""

    @property
    def status(self) -> int | None:
        """Pytest's exit status: observed, else as the recorder wrote it."""
        return self.exit_code if self.exit_code is not None else self.end


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome and exit code of a run, and what they rest on."""

    outcome: Outcome
    code: int
    rests_on: str
    notes: tuple[str, ...] = ()


def decide(facts: Facts) -> Verdict:
    """Return the verdict. Never raises: every combination of facts has an answer."""
    for rule in (_not_started, _ended_on_purpose, _by_signal, _usage, _without_end, _by_status):
        verdict = rule(facts)
        if verdict is not None:
            return verdict
    return Verdict(
        Outcome.VANISHED,
        codes.VANISHED,
        "nothing tells how pytest ended: no exit status, no final event",
    )


def _not_started(f: Facts) -> Verdict | None:
    if f.loaded or f.ended_by:
        return None
    if f.spawn_error:
        basis = f.spawn_error
    elif f.signal is not None:
        basis = f"pytest was ended by {signal_name(f.signal)} before the recorder loaded"
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
    name = signal_name(number)
    basis = f"pytest was ended by {name}"
    code = codes.SIGNAL_BASE + number
    if number == signal.SIGKILL and f.out_of_memory:
        return Verdict(Outcome.OUT_OF_MEMORY, codes.OUT_OF_MEMORY, f"{basis}, out of memory")
    if number == signal.SIGINT:
        return Verdict(Outcome.INTERRUPTED, code, basis)
    if number in {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP}:
        return Verdict(Outcome.KILLED, code, basis)
    return Verdict(Outcome.CRASHED, code, basis)


def _usage(f: Facts) -> Verdict | None:
    if f.status != codes.USAGE_ERROR:
        return None
    return Verdict(Outcome.USAGE_ERROR, codes.USAGE_ERROR, _status_text(f))


def _without_end(f: Facts) -> Verdict | None:
    """Pytest's process is gone and its recorder never wrote the end."""
    if f.end is not None or (f.missing == 0 and f.in_flight == 0):
        return None
    if f.interrupted and f.exit_code is not None:
        return None  # pytest.exit() at load time: the status speaks
    how = "" if f.exit_code is None else f" with {f.exit_code}"
    if f.in_flight:
        basis = f"pytest ended{how} without its end, {_tests(f.in_flight)} in flight"
        if f.exit_code is None:
            return None if f.supervised else Verdict(Outcome.VANISHED, codes.VANISHED, basis)
        return Verdict(Outcome.CRASHED, codes.INCOMPLETE, basis)
    if f.exit_code is None:
        return None
    basis = f"pytest ended{how} without its end, {_tests(f.missing)} of {f.expected} not reported"
    return Verdict(Outcome.INCOMPLETE, codes.INCOMPLETE, basis)


def _by_status(f: Facts) -> Verdict | None:  # noqa: PLR0911 - the table's rows
    status = f.status
    if status is None:
        return None
    basis = _status_text(f)
    if f.collection_errors and status == codes.INTERRUPTED:
        note = (
            f"{f.collection_errors} collection errors"
            if f.collection_errors > 1
            else ("1 collection error")
        )
        return Verdict(Outcome.COLLECTION_ERROR, codes.INTERRUPTED, f"{basis}, {note}")
    if status == codes.INTERNAL_ERROR:
        return Verdict(Outcome.INTERNAL_ERROR, codes.INTERNAL_ERROR, basis)
    if status == codes.INTERRUPTED:
        why = f"{basis}, {f.interrupted}" if f.interrupted else basis
        return Verdict(Outcome.INTERRUPTED, codes.INTERRUPTED, why)
    if f.listing:
        return Verdict(Outcome.NOTHING_RUN, status, f"{basis}, nothing was to be run")
    if f.missing and not f.stopping and not f.lost_lines:
        missing = f"{basis}, {_tests(f.missing)} of {f.expected} not reported"
        if f.bad:
            return Verdict(Outcome.FAILED, codes.FAILED, missing, (_lost_note(f),))
        return Verdict(Outcome.INCOMPLETE, codes.INCOMPLETE, missing)
    if status == codes.NO_TESTS:
        return Verdict(Outcome.NO_TESTS, codes.NO_TESTS, basis)
    return _passed_or_failed(f, status, basis)


def _passed_or_failed(f: Facts, status: int, basis: str) -> Verdict:
    reported = f"{f.expected - f.missing} of {_tests(f.expected)} reported"
    notes: list[str] = []
    if f.out_of_memory:
        notes.append("a process of the run was killed for want of memory")
    if status == codes.PASSED:
        if f.bad:
            notes.append(f"pytest ended with 0 although {_tests(f.bad)} failed: a plugin's doing")
        if f.crashed:
            return Verdict(Outcome.FAILED, codes.FAILED, f"{basis}, {reported}", tuple(notes))
        return Verdict(Outcome.PASSED, codes.PASSED, f"{basis}, {reported}", tuple(notes))
    if not f.bad and status == codes.FAILED and not f.collection_errors:
        notes.append("no test failed: something else in pytest's run made it end with 1")
    return Verdict(Outcome.FAILED, status, f"{basis}, {reported}", tuple(notes))


def _status_text(f: Facts) -> str:
    if f.exit_code is not None:
        return f"pytest ended with {f.exit_code}"
    return f"the recorder's last event says that pytest ended with {f.end}"


def _lost_note(f: Facts) -> str:
    return f"{_tests(f.missing)} never reported"


def _tests(n: int) -> str:
    return f"{n:,} test" if n == 1 else f"{n:,} tests"


def signal_name(number: int) -> str:
    """Return `SIGKILL` for 9; `signal 77` for a number without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
