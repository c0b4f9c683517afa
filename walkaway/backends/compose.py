"""The Compose backend: pytest is a container's first process; the supervisor stays on the host.

Every docker command is a child process that the supervisor's loop waits for. A container is named
after its run and pass, never `--rm`, and removed only after the outcome is stored. So whatever
gets killed in between, the engine still knows how the container ended.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Mapping
from typing import Any

from walkaway.backends import evidence
from walkaway.backends.backend import Backend, Delivery, Deps
from walkaway.backends.container_launch import Launching
from walkaway.backends.container_monitor import ContainerMonitor
from walkaway.backends.environment_lease import Leasing
from walkaway.environment import container, entrypoint
from walkaway.environment.container import State
from walkaway.environment.project import on_engine
from walkaway.model import journal_kinds, pass_setup, run
from walkaway.process.children import Exit, Helper

_STACKS_S = 5.0
_ENTER_S = 3.0
_SIGNAL_S = 30.0
"""How long `docker kill` may take while the engine answers everything else."""


class Compose(Backend):
    """Launches the container, waits for its end, and asks the engine to signal it."""

    def __init__(self, deps: Deps, wanted: run.Compose) -> None:
        self._deps = deps
        self._wanted = wanted
        deps.family.apart = True
        meant = on_engine(os.environ, wanted.engine)
        for name in os.environ.keys() - meant.keys():
            del os.environ[name]
        os.environ.update(meant)
        self._number = 1
        self._name = ""
        self._exit: Exit | None = None
        self._leasing = Leasing(deps.run, wanted, deps.journal)
        self._launching = Launching(deps, wanted)
        self._later: int = 0
        """A signal to send once there is a container that we know of; 0 for none."""
        self._monitor = ContainerMonitor(deps.family, deps.journal, deps.lock_fd, away=deps.adopted)
        self._signal: Helper | None = None
        self._signal_until = 0.0
        self._state = State()
        self._entered_by = 0.0
        """When the entrypoint should have reached pytest by; 0 when no longer checked."""

    def waiting(self) -> str:
        """Lease an environment; return what the run waits for.

        Empty when it has one, needs none, or never can have one (`facts.spawn_error` says why).
        """
        behind = self._leasing.waiting()
        self.facts = self.facts._replace(spawn_error=self._leasing.error)
        return behind

    def begin(self, number: int) -> None:
        """Start a pass: a child does build, up and run, and reports its progress."""
        self._number = number
        self._name = container.name(self._deps.run.root, self._deps.run.id, number)
        self._monitor.about(self._name)
        self._exit = Exit() if self.facts.spawn_error else None
        self._see(State())
        self.running = self.gave_way = False
        if self.facts.spawn_error:
            return
        self._launching.begin(number, self._leasing.slot, self._leasing.left_by)

    def take_over(self, number: int) -> None:
        """Find the container of the last pass; the journal may not mention it."""
        self._number = number
        self._name = container.name(self._deps.run.root, self._deps.run.id, number)
        self._monitor.about(self._name)
        self.running = self._deps.family.main is not None
        self._deps.family.main = None
        self._leasing.take_over(evidence.slot_of(self._deps.record))
        self._monitor.ask()

    def helpers(self) -> list[Helper]:
        """Return the running docker commands."""
        own = [helper for helper in (self._launching.child, self._signal) if helper is not None]
        return own + self._monitor.helpers()

    def turn(self, ended: Mapping[int, int]) -> Exit | None:
        """Handle answers from the engine and ask again; return how the pass ended, once known."""
        del ended  # a container is not our child
        self._read_messages()
        self._see_signal()
        self._report_entrypoint()
        if self.gave_way:
            return None
        state = self._monitor.turn(needed=self._exit is None and self._launching.child is None)
        if state is not None and self._exit is None:
            self._take(state)
        return self._exit

    def stacks(self) -> None:
        """Make the container's processes write their stacks; takes about 5 s at most."""
        if not self.running or not self._name or self._silent:
            return
        helper = self._monitor.command(container.stacks_command(self._name))
        until = time.monotonic() + _STACKS_S
        folder = os.path.join(self._deps.record, "stacks")
        before = evidence.sizes(folder)
        while time.monotonic() < until and not (helper.done and evidence.sizes(folder) != before):
            if not helper.done:
                if select.select([helper.fd], [], [], 0.05)[0]:
                    helper.read()
            else:
                time.sleep(0.05)
        helper.end()
        time.sleep(0.1)  # let the last process finish writing

    def signal(self, number: int) -> None:
        """Signal pytest, the container's first process; KILL ends all of its processes.

        Without a container the signal waits for one, and the launching child is told.
        """
        if self.running:
            if self._signal is not None and not self._signal.done:
                self._signal.end()
            self._signal = self._monitor.command(container.signal_command(self._name, number))
            self._signal_until = time.monotonic() + _SIGNAL_S
            return
        # The launching child may still have made the container before it ended.
        self._later = number
        if self._launching.may_be_signalled:
            self._launching.signal(signal.SIGTERM if number == signal.SIGINT else number)

    def sweep(self) -> list[tuple[int, str]]:
        """End our own docker commands; a container's processes end with its first one."""
        for helper in self.helpers():
            helper.end()
        self._launching.end()
        self._signal = None
        self._monitor.end()
        return []

    def before_close(self) -> None:
        """Save what is lost with the container: its facts, its output and the services' logs."""
        if self._state.started_at and not evidence.loaded(self._deps.record):
            evidence.own_words(self._deps.log_fd, self._name)
            self._blame_entrypoint()
        if self._state.status:
            evidence.write(self._deps.record, self._state, self._name, self._number)
        if self._leasing.slot and self._state.started_at:
            evidence.service_logs(self._leasing.project, self._deps.record, self._state)

    def after_close(self) -> None:
        """Remove the containers, reset the environment, and give it back."""
        root, run_id = self._deps.run.root, self._deps.run.id
        names = [container.name(root, run_id, n + 1) for n in range(self._number)]
        fresh = self._leasing.used(ran=bool(self._state.status))
        clean = evidence.clean_up(
            self._leasing.project, run_id, names, self._state.image,
            fresh=fresh, network=self._leasing.last(),
        )  # fmt: skip
        self._deps.journal.write(journal_kinds.SERVICES_CLEANED, ok=clean)
        self._leasing.give_back(clean=clean)

    @property
    def delivery(self) -> Delivery:
        """Whether a signal waits for the container or the engine, or would never arrive."""
        if self._signal is not None or (self._later and not self._launching.may_be_signalled):
            return Delivery.PENDING
        return Delivery.SILENT if self._silent else Delivery.READY

    @property
    def _silent(self) -> bool:
        """Whether the engine does not answer and there is no launching child to signal instead."""
        return self._monitor.silent and not self._launching.may_be_signalled

    def _see(self, state: State) -> None:
        self._state = state
        self.facts = self.facts._replace(oom_killed=state.oom_killed)

    def _fail(self, error: str, output: Iterable[str] = ()) -> None:
        """Note that pytest was not started."""
        self.facts = self.facts._replace(spawn_error=error, spawn_output=tuple(output))

    def _note(self, remark: str) -> None:
        self.facts = self.facts._replace(notes=(*self.facts.notes, remark))

    def _blame_entrypoint(self) -> None:
        """Set the spawn error when the container's entrypoint never ran our command."""
        state = self._state
        if state.over and state.entrypoint and not evidence.reached(self._deps.record):
            lines = evidence.last_lines(self._deps.record)
            self._fail(
                entrypoint.refusal(self._wanted.service, state.entrypoint, state.exit_code),
                (entrypoint.advice(state.entrypoint), *lines),
            )

    def _report_entrypoint(self) -> None:
        """Journal once that the entrypoint is still at work when it takes over 3 s."""
        if self._entered_by and time.monotonic() > self._entered_by:
            self._entered_by = 0.0
            if self._state.entrypoint and not evidence.reached(self._deps.record):
                command = entrypoint.one_line(self._state.entrypoint)
                phase = f"in the entrypoint, before pytest: {command}"
                self._deps.journal.write(journal_kinds.PREPARING, phase=phase)

    def _read_messages(self) -> None:
        """Handle the launching child's lines as they arrive."""
        for line in self._launching.lines():
            self._handle(line)
        over = self._launching.is_over()
        if over and self._exit is None and not self.running and not self.gave_way:
            # The child was killed, or ended by us; the container may exist all the same.
            self._monitor.ask()

    def _handle(self, message: Mapping[str, Any]) -> None:
        if "phase" in message:
            self._deps.journal.write(journal_kinds.PREPARING, phase=message["phase"])
        elif "started" in message:
            self._started(State(**message["started"]))
        elif "busy" in message:
            self._give_way(str(message["busy"]))
        elif "built" in message:
            self.facts = self.facts._replace(built=str(message["built"]))
            self._exit = Exit(0)
        elif "failed" in message:
            self._fail(str(message["failed"]), map(str, message["output"]))
            self._exit = Exit()

    def _started(self, state: State) -> None:
        deps = self._deps
        self._see(state)
        self.running = True
        deps.family.main = evidence.seen_from_here(state)
        pid, start = deps.family.main or (0, 0)
        argv = pass_setup.argv(deps.run, self._number)
        deps.journal.write(
            journal_kinds.SPAWNED, pid=pid, start=start, container=self._name, argv=argv,
            **{"pass": self._number},
        )  # fmt: skip
        self._entered_by = time.monotonic() + _ENTER_S
        self._monitor.wait()
        self._send_later()

    def _give_way(self, run_id: str) -> None:
        """Leave an environment where a run without a supervisor is still running."""
        self._leasing.give_way(run_id)
        self._launching.end()
        self.gave_way = True

    def _take(self, state: State) -> None:
        """Act on the container's state as the engine reports it."""
        if not self.running and not state.started_at and self._launching.goes_on_elsewhere():
            return
        if not state.status:
            state = self._of_removed()
        if not state.status:
            if self.running:
                self._note("somebody removed its container before it had ended")
            elif not self.facts.spawn_error:
                self._fail("the container was never started")
            self._exit = Exit()
            return
        self._see(state)
        if state.over:
            self._exit = container.exit_of(state, away=self._monitor.away)
            if self._exit == Exit():
                self._note("its container ended while the engine was away: no exit code")
        elif not state.started_at and state.status != "running":
            self._fail(state.error or "the container was created but never started")
            self._exit = Exit()
        else:
            self.running = True
            self._deps.family.main = evidence.seen_from_here(state)
            self._monitor.wait()
            self._send_later()

    def _of_removed(self) -> State:
        """Return how a removed container ended, if its remover or the engine knows."""
        known = evidence.ended(self._deps.record, self._number)
        if not known.status and self.running and self._monitor.exit_code is not None:
            self._note("somebody removed its container; the engine had reported its end")
            known = self._state._replace(status="exited", exit_code=self._monitor.exit_code, pid=0)
        return known

    def _send_later(self) -> None:
        """Send the signal that had to wait for a container."""
        if self._later:
            number, self._later = self._later, 0
            self.signal(number)

    def _see_signal(self) -> None:
        """Check whether the engine has delivered a signal; give up if only that command hangs."""
        if self._signal is None:
            return
        if self._signal.done:
            if self._signal.answer.strip():
                self._monitor.answered()
            self._signal = None
        elif not self._monitor.silent and time.monotonic() > self._signal_until:
            self._signal.end()
            self._signal = None
