"""Close a record: judge the run in a child, write the outcome here, run the user's on_end last.

The child reads the whole record, so it may run out of memory or die. Then a plain outcome is
written from what the supervisor saw itself. Either way there is an outcome.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from typing import Any

from walkaway.model import event_kinds, exit_codes, journal_kinds
from walkaway.model.observed import Observed
from walkaway.model.outcome_file import OutcomeFile
from walkaway.model.run import Run
from walkaway.model.vocabulary import Outcome
from walkaway.process import kernel
from walkaway.process.children import Helper, SpawnError, spawn
from walkaway.process.process_tree import reap
from walkaway.record.journal import Journal
from walkaway.supervisor.lingering import last_event
from walkaway.supervisor.record_files import RecordFiles
from walkaway.supervisor.stop_requests import Requests

_JUDGE_WAIT_S = 300.0
_HOOK_WAIT_S = 60.0
_OUTCOME_BYTES = 128 * 1024
_RESERVED = ".outcome.reserved"
_PLAIN = {exit_codes.PASSED: Outcome.PASSED, exit_codes.FAILED: Outcome.FAILED}
_BAD = ("failed", "error", "crashed", "subfailed")
_FORGIVEN = "pytest ended with 0 although tests failed: a plugin decided so"
_TRIES = 20


def close(run: Run, files: RecordFiles, journal: Journal, observed: Observed) -> bool:
    """Judge the run. Return True when another pass is due, False once the outcome is written."""
    judged = _judge(files, journal, observed)
    if judged is not None and "again" in judged:
        journal.write(journal_kinds.PHASE, name="pass", tests=judged["again"])
        return True
    files.release()
    if judged is None:
        judged = _plain(run.id, files.fds["events.jsonl"], observed).to_json()
    _write(files, journal, judged)
    files.check()
    return False


def reserve_outcome(record: str) -> None:
    """Reserve disk space for the outcome, so that it can be written even on a full disk."""
    with contextlib.suppress(OSError):
        path = os.path.join(record, _RESERVED)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            kernel.reserve(fd, 0, _OUTCOME_BYTES)
        finally:
            os.close(fd)


def _judge(files: RecordFiles, journal: Journal, observed: Observed) -> dict[str, Any] | None:
    """Return the outcome, `{"again": n}` when another pass of n tests is due, None on failure."""

    def work() -> bytes:
        from walkaway.runs import judge

        found = judge.judge(files.record, observed)
        answer = {"again": found} if isinstance(found, int) else found.to_json()
        return json.dumps(answer).encode()

    try:
        helper = Helper(work, [files.lock_fd])
    except OSError as error:  # fork failed
        journal.write(journal_kinds.FAULT, m=f"no judgement: {error}")
        return None
    deadline = time.monotonic() + _JUDGE_WAIT_S
    while not helper.done:
        ready, _, _ = select.select([helper.fd], [], [], 1.0)
        if ready:
            helper.read()
        elif time.monotonic() > deadline:
            os.kill(helper.pid, signal.SIGKILL)  # not reaped yet, so the PID is still ours
    reap(set())
    with contextlib.suppress(ValueError):
        answer = json.loads(helper.answer)
        if isinstance(answer, dict):
            return answer
    return None


def _plain(run_id: str, events_fd: int, observed: Observed) -> OutcomeFile:
    """Return an outcome from the recorder's last event and the exit status, without a ledger.

    `passed` only if both agree and every collected test reported. A 0 beside failures passes only
    as a plugin's decision: in a single pass, without crashed tests.
    """
    status = observed.exit_code
    end = last_event(events_fd, event_kinds.END)
    counts = end.get("c")
    if not isinstance(counts, dict):
        end = counts = {}
    reported = sum(n for name, n in counts.items() if name != "subfailed")
    seen = OutcomeFile(
        id=run_id,
        outcome=Outcome.INCOMPLETE,
        code=exit_codes.INCOMPLETE,
        pytest_exit=status,
        signal=observed.signal,
        ended_at=observed.ended_at,
        duration_s=round(observed.now or 0.0, 3),
    )
    if status not in _PLAIN or end.get("exit") != status or not 0 < end["n"] == reported:
        basis = f"signal {observed.signal}" if observed.signal else f"exit status {status}"
        return seen._replace(
            notes=("the record could not be judged: see supervisor.log in the record folder",),
            rests_on=f"pytest's {basis}; the tests could not be counted",
        )
    code = status
    bad = sum(counts.get(name, 0) for name in _BAD) + end.get("ce", 0)
    if bad and (counts.get("crashed") or observed.number > 1):
        code = exit_codes.FAILED
    because = _FORGIVEN if bad and code == exit_codes.PASSED else ""
    note = "without a ledger, times and junit.xml: see supervisor.log in the record"
    whole = end.get("sw", 0)  # modules skipped as a whole during collection
    known = reported + whole
    return seen._replace(
        outcome=_PLAIN[code],
        code=code,
        expected=end["n"] + whole,
        reported=known,
        counts=counts | ({"skipped": counts.get("skipped", 0) + whole} if whole else {}),
        notes=(because, note) if because else (note,),
        rests_on=f"pytest ended with {status}, {known} of {end['n'] + whole} tests reported",
        because=because,
    )


def _write(files: RecordFiles, journal: Journal, outcome: dict[str, Any]) -> None:
    """Write, fsync, link: outcome.json is complete or absent, and never replaced."""
    data = json.dumps(outcome, indent=1).encode() + b"\n"
    final = os.path.join(files.record, "outcome.json")
    reserved = os.path.join(files.record, _RESERVED)
    for _ in range(_TRIES):
        try:
            fd = os.open(reserved, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                rest = data
                while rest:
                    rest = rest[os.write(fd, rest) :]
                os.ftruncate(fd, len(data))
                os.fsync(fd)
            finally:
                os.close(fd)
            os.link(reserved, final)
            os.unlink(reserved)
        except FileExistsError:
            with contextlib.suppress(OSError):
                os.unlink(reserved)
            return
        except OSError as error:
            journal.write(journal_kinds.PHASE, name=f"outcome not written yet: {error}")
            files.check()
            time.sleep(0.5)
        else:
            return


def run_hooks(run: Run, record: str, journal: Journal, requests: Requests) -> None:
    """Run the user's on_end and notify commands once; a failure changes nothing.

    They are not part of the run: whatever they start, such as another run, is left alone.
    """
    path = os.path.join(record, "outcome.json")
    for name, argv in (("on_end", run.on_end), ("notify", run.notify)):
        if not argv:
            continue
        try:
            with open(path, "rb") as outcome:
                environ = {k: v for k, v in os.environ.items() if k != "WALKAWAY_RUN"}
                pid = spawn(argv, environ, run.root, 2, outcome.fileno())
        except (SpawnError, OSError) as error:
            journal.write(journal_kinds.PHASE, name=f"{name}: {error}")
            continue
        deadline = time.monotonic() + _HOOK_WAIT_S
        ended: dict[int, int] = {}
        while pid not in ended:
            ended.update(reap(set()))
            if pid not in ended and (time.monotonic() > deadline or requests.signal_number):
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)  # it leads its session and is not reaped yet
            time.sleep(0.02)
        journal.write(journal_kinds.PHASE, name=f"{name} ended", status=ended[pid])
