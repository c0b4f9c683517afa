"""The supervisor's main loop: start pytest, watch it, end it if need be, close the record.

The other modules of the folder get what they need handed over; none of them knows this one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time

from walkaway import backends
from walkaway.backends import pytest_pass
from walkaway.backends.backend import Deps
from walkaway.model import event_kinds, journal_kinds
from walkaway.model.observed import Observed
from walkaway.model.run import from_json
from walkaway.process import clock, kernel, proc_table
from walkaway.process.children import Exit, Helper
from walkaway.process.process_tree import Family, reap
from walkaway.record.journal import Journal
from walkaway.supervisor import finalize
from walkaway.supervisor.interrupt_again import UsedUp
from walkaway.supervisor.limits import Watch
from walkaway.supervisor.out_of_memory import OutOfMemory
from walkaway.supervisor.record_files import RecordFiles
from walkaway.supervisor.shutdown import Ending
from walkaway.supervisor.slots import SlotShare
from walkaway.supervisor.stop_requests import MARKER, Requests
from walkaway.supervisor.tree_watch import Trees

_TURN_S = 0.1
_UPKEEP_S = 1.0
_TREE_WAIT_S = 5.0


class Supervisor:
    """The state and main loop of one run."""

    def __init__(self, record: str, lock_fd: int, *, adopted: bool) -> None:
        self.record = record
        self.adopted = adopted
        with open(os.path.join(record, "run.json"), encoding="utf-8") as file:
            self.run = from_json(json.load(file))
        self.record_files = RecordFiles(record, lock_fd)
        self.journal = Journal(self.record_files.fds["supervisor.jsonl"], self.run.started_boot)
        self.family = Family(f"{MARKER}={record}")
        self.family.adopted = adopted
        deps = Deps(
            self.run, record, self.journal, self.family, self.record_files.log_fd, lock_fd, adopted
        )
        self.backend = backends.of(deps)
        self.ending = Ending(
            self.backend,
            self.journal,
            self.run.limits.grace_s,
            UsedUp(self.record_files.fds["events.jsonl"]),
        )
        self.requests = Requests(record, self.journal, self.ending)
        self.slots = SlotShare(self.run, self.journal)
        self.memory = OutOfMemory()
        self.trees = Trees(self.run.root, self.journal, self.family)
        self.watch = Watch(deps, self.record_files, self.backend, self.ending)
        self.exit: Exit | None = None
        """How the current pass ended; None while it runs."""
        self.pass_number = 1
        self._upkeep_at = 0.0
        self._faults: set[str] = set()
        self._wakeup, wake = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # Needed although it does nothing: only handled signals write to the wakeup descriptor.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self.requests.on_signal)
        signal.signal(signal.SIGINT, self.requests.on_signal)

    def run_through(self) -> None:
        """Run every pass, then close the record."""
        kernel.become_subreaper()
        start = proc_table.start_ticks(os.getpid())
        self.journal.write(
            journal_kinds.SUPERVISOR_STARTED, pid=os.getpid(), start=start, adopted=self.adopted
        )
        self.record_files.reserve()
        finalize.reserve_outcome(self.record)
        _note_pid(os.path.dirname(self.record))
        if self.adopted:
            self._take_over()
        else:
            self._start()
        while True:
            self._until_pytest_ends()
            self.trees.begin()  # in parallel with the sweep: catch edits since the last look
            leftovers = self.backend.sweep()
            self.slots.leave()
            if leftovers:
                self.journal.write(journal_kinds.PROCESSES_LEFT, pids=leftovers)
            self._until_tree_is_known()
            self.trees.keep(self.record)
            code, number = self.exit or Exit()
            self.backend.before_close()
            self.journal.write(
                journal_kinds.EXITED, code=code, signal=number, **{"pass": self.pass_number}
            )
            self.record_files.check()
            if not finalize.close(self.run, self.record_files, self.journal, self._observed()):
                break
            self.ending.over()
            self.record_files.reopen()
            self.pass_number += 1
            self._start()
        finalize.run_hooks(self.run, self.record, self.journal, self.requests)
        self.backend.after_close()

    def _start(self) -> None:
        """Start a pass once the run has its environment and worker slots."""
        self.exit = None
        self.watch.lingering.begin()
        self.trees.begin()  # in parallel with the start: fingerprint the code under test
        self._queue()
        if self.ending.kind:
            self.exit = Exit()
        else:
            self.backend.begin(self.pass_number)

    def _queue(self) -> None:
        """Wait for the run's environment and worker slots, still watching limits and requests."""
        self.slots.leave()
        self.slots.ask()
        journaled = ""
        while not self.ending.kind and (behind := self._behind()):
            if behind != journaled:
                self.journal.write(journal_kinds.PREPARING, phase="queued", m=behind)
                journaled = behind
            self._wait()
            reap(self.family.helpers)
            self._check()

    def _behind(self) -> str:
        """Return what the run waits for: the backend's environment, then slots; empty if nothing.

        The order matters: a run that waits for an environment must not hold worker slots that the
        environment's current holder needs.
        """
        return self.backend.waiting() or self.slots.waiting()

    def _take_over(self) -> None:
        """Continue the run of a supervisor that died."""
        # It may have died after starting pytest but before journaling it; the recorder's own
        # `loaded` event then names the process.
        found = pytest_pass.spawned(self.record_files.fds["supervisor.jsonl"])
        loaded = pytest_pass.spawned(self.record_files.fds["events.jsonl"], event_kinds.LOADED)
        if len(loaded) > len(found):
            found = loaded
        if found:
            self.pass_number = found[-1].number
            self.watch.pytest_started = found[0].t
            self.family.main = (found[-1].pid, found[-1].start)
        self.slots.ask(at_once=True)
        self.backend.take_over(self.pass_number)

    def _until_pytest_ends(self) -> None:
        while self.exit is None:
            self._wait()
            self.exit = self.backend.turn(reap(self.family.helpers))
            if self.backend.gave_way:
                self._start()
            if self.exit is None:
                self._check()
        if self.exit.signal is not None:
            # Whoever killed pytest signalled us first, as the end of an enclosing run does.
            self.requests.check()

    def _check(self) -> None:
        """Check requests and limits. An error is journaled: it must not cost the verdict."""
        try:
            self._check_everything()
        except Exception as error:  # noqa: BLE001 - it is journaled and the run goes on
            text = f"{type(error).__name__}: {error}"
            if text not in self._faults:
                self._faults.add(text)
                self.journal.write(journal_kinds.FAULT, m=text)

    def _check_everything(self) -> None:
        now = self.journal.now()
        self.requests.check()
        if self.backend.running and self.family.main is not None:
            self.memory.follow(now, self.family.main[0])
        self.watch.check(now)
        self.ending.step()
        if now >= self._upkeep_at:
            self._upkeep_at = now + _UPKEEP_S
            self.record_files.reserve()
            self.record_files.check()
            self.memory.sample(now, self.watch.pids)
            self.trees.refresh(now)

    def _observed(self) -> Observed:
        """Return what was seen of the run's end, for the judgement."""
        code, number = self.exit or Exit()
        killed = self.memory.just_now() if number else self.memory.in_groups()
        return Observed(
            exit_code=code,
            signal=number,
            ended_by=self.ending.kind,
            why=self.ending.why,
            lingering=self.watch.lingering.noticed,
            backend=self.backend.facts,
            out_of_memory=self.backend.facts.oom_killed or killed,
            oom_on_machine=self.memory.ever(),
            adopted=self.adopted,
            number=self.pass_number,
            restored=self.record_files.restored,
            now=self.journal.now(),
            ended_at=clock.iso(time.time()),
        )

    def _wait(self) -> None:
        """Sleep until a child ends, a signal arrives, a helper answers, or 0.1 s have passed."""
        readable = {self._wakeup: None, **{h.fd: h for h in self._helpers()}}
        try:
            ready, _, _ = select.select(list(readable), [], [], _TURN_S)
        except InterruptedError:
            return
        for fd in ready:
            helper = readable[fd]
            if helper is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wakeup, 4096)
            elif helper.read():
                self._answered(helper)

    def _helpers(self) -> list[Helper]:
        own = [h for h in (self.trees.helper, self.watch.helper) if h is not None]
        return [h for h in (*own, *self.backend.helpers()) if not h.done]

    def _answered(self, helper: Helper) -> None:
        if helper is self.trees.helper:
            self.trees.take()
        elif helper is self.watch.helper:
            self.watch.answered()
        # The backend checks its own helpers in every turn.

    def _until_tree_is_known(self) -> None:
        """Wait up to 5 s for the tree's last fingerprint, then end all helpers."""
        until = self.journal.now() + _TREE_WAIT_S
        while (helper := self.trees.helper) is not None and self.journal.now() < until:
            ready, _, _ = select.select([helper.fd], [], [], 0.1)
            if ready and helper.read():
                self.trees.take()
        for helper in self._helpers():
            helper.end()
        reap(self.family.helpers)


def _note_pid(folder: str) -> None:
    """Write the PID to .current_test.pid for people who look there. Nothing here reads it."""
    path = os.path.join(folder, ".current_test.pid")
    with contextlib.suppress(OSError):
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
        os.replace(temporary, path)
