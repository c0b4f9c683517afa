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
from typing import TYPE_CHECKING, Any

from walkaway.process import clock, kernel
from walkaway.process.children import Helper, SpawnError, spawn
from walkaway.process.process_tree import reap

if TYPE_CHECKING:
    from walkaway.supervisor.main import Supervisor

_JUDGE_WAIT_S = 300.0
_HOOK_WAIT_S = 60.0
_OUTCOME_BYTES = 128 * 1024
_RESERVED = ".outcome.reserved"
_END_BYTES = 64 * 1024
_PLAIN = {0: "passed", 1: "failed"}
_BAD = ("failed", "error", "crashed", "subfailed")
_FORGIVEN = "pytest ended with 0 although tests failed: a plugin's doing"
_TRIES = 20


def usual_s(record: str) -> bytes:
    """Return the longest usual time, in seconds, of the tests in flight. Runs in a child."""
    from walkaway.record import durations

    return str(durations.longest_in_flight_s(record)).encode()


def close(supervisor: Supervisor) -> bool:
    """Judge the run. Return True when another pass is due, False once the outcome is written."""
    supervisor.keeper.check()
    observed = _observed(supervisor)
    judged = _judge(supervisor, observed)
    if judged is not None and "again" in judged:
        supervisor.journal.write("phase", name="pass", tests=judged["again"])
        supervisor.ending.over()
        return True
    supervisor.keeper.release()
    _write(supervisor, judged if judged is not None else _plain(supervisor, observed))
    supervisor.keeper.check()
    _tell(supervisor)
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


def _observed(supervisor: Supervisor) -> dict[str, Any]:
    code, number = supervisor.exit or (None, None)
    return {
        "exit_code": code,
        "signal": number,
        "ended_by": supervisor.ending.kind,
        "why": supervisor.ending.why,
        "lingering": supervisor.watch.lingering.noticed,
        "spawn_error": supervisor.backend.facts.spawn_error,
        "out_of_memory": supervisor.backend.facts.oom_killed
        or (supervisor.memory.just_now() if number else supervisor.memory.in_groups()),
        "oom_on_machine": supervisor.memory.ever(),
        "spawn_said": supervisor.backend.facts.spawn_said,
        "built": supervisor.backend.facts.built,
        "notes": supervisor.backend.facts.notes,
        "adopted": supervisor.adopted,
        "pass": supervisor.pass_number,
        "restored": supervisor.keeper.restored,
        "now": supervisor.journal.now(),
        "ended_at": clock.iso(time.time()),
    }


def _judge(supervisor: Supervisor, observed: dict[str, Any]) -> dict[str, Any] | None:
    def work() -> bytes:
        from walkaway.runs import judge

        return json.dumps(judge.judge(supervisor.record, observed)).encode()

    try:
        helper = Helper(work, [supervisor.lock_fd])
    except OSError as error:  # fork failed
        supervisor.journal.write("fault", m=f"no judgement: {error}")
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


def _plain(supervisor: Supervisor, observed: dict[str, Any]) -> dict[str, Any]:
    """Return an outcome from the recorder's last event and the exit status, without a ledger.

    `passed` only if both agree and every collected test reported. A 0 beside failures passes only
    as a plugin's decision: in a single pass, without crashed tests.
    """
    code, number = observed["exit_code"], observed["signal"]
    end = _end_event(supervisor.keeper.fds["events.jsonl"])
    counts = end.get("c", {})
    reported = sum(n for name, n in counts.items() if name != "subfailed")
    whole = end.get("sw", 0)  # modules skipped as a whole during collection
    if code in _PLAIN and end.get("exit") == code and 0 < end["n"] == reported:
        status = code
        bad = sum(counts.get(name, 0) for name in _BAD) + end.get("ce", 0)
        if bad and (counts.get("crashed") or observed["pass"] > 1):
            code = 1
        because = _FORGIVEN if bad and code == 0 else ""
        notes = ["without a ledger, times and junit.xml: see supervisor.log in the record"]
        return {
            "schema": 1,
            "id": supervisor.run.id,
            "outcome": _PLAIN[code],
            "code": code,
            "pytest_exit": status,
            "ended_at": observed["ended_at"],
            "duration_s": round(observed["now"], 3),
            "expected": end["n"] + whole,
            "reported": reported + whole,
            "counts": counts | ({"skipped": counts.get("skipped", 0) + whole} if whole else {}),
            "notes": [because, *notes] if because else notes,
            "rests_on": (
                f"pytest ended with {status}, "
                f"{reported + whole} of {end['n'] + whole} tests reported"
            ),
            "because": because,
        }
    basis = f"signal {number}" if number else f"exit status {code}"
    return {
        "schema": 1,
        "id": supervisor.run.id,
        "outcome": "incomplete",
        "code": 65,
        "pytest_exit": code,
        "signal": number,
        "ended_at": observed["ended_at"],
        "duration_s": round(observed["now"], 3),
        "notes": ["the record could not be judged: see supervisor.log in the record folder"],
        "rests_on": f"pytest's {basis}; the tests could not be counted",
    }


def _end_event(fd: int) -> dict[str, Any]:
    """Return the recorder's final event if it is the last line; else an empty dict."""
    size = os.fstat(fd).st_size
    line = os.pread(fd, _END_BYTES, max(0, size - _END_BYTES)).rstrip(b"\n").split(b"\n")[-1]
    with contextlib.suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict) and event.get("e") == "end" and isinstance(event.get("c"), dict):
            return event
    return {}


def _write(supervisor: Supervisor, outcome: dict[str, Any]) -> None:
    """Write, fsync, link: outcome.json is complete or absent, and never replaced."""
    data = json.dumps(outcome, indent=1).encode() + b"\n"
    final = os.path.join(supervisor.record, "outcome.json")
    reserved = os.path.join(supervisor.record, _RESERVED)
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
            supervisor.journal.write("phase", name=f"outcome not written yet: {error}")
            supervisor.keeper.check()
            time.sleep(0.5)
        else:
            return


def _tell(supervisor: Supervisor) -> None:
    """Run the user's on_end and notify commands once; a failure changes nothing.

    They are not part of the run: whatever they start, such as another run, is left alone.
    """
    run = supervisor.run
    path = os.path.join(supervisor.record, "outcome.json")
    for name, argv in (("on_end", run.on_end), ("notify", run.notify)):
        if not argv:
            continue
        try:
            with open(path, "rb") as outcome:
                environ = {k: v for k, v in os.environ.items() if k != "WALKAWAY_RUN"}
                pid = spawn(argv, environ, run.root, 2, outcome.fileno())
        except (SpawnError, OSError) as error:
            supervisor.journal.write("phase", name=f"{name}: {error}")
            continue
        deadline = time.monotonic() + _HOOK_WAIT_S
        ended: dict[int, int] = {}
        while pid not in ended:
            ended.update(reap(set()))
            if pid not in ended and (time.monotonic() > deadline or supervisor.requests.told):
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)  # it leads its session and is not reaped yet
            time.sleep(0.02)
        supervisor.journal.write("phase", name=f"{name} ended", status=ended[pid])
