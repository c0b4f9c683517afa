"""The local backend: pytest is a child of the supervisor."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from walkaway.backends import pytest_pass
from walkaway.backends import stack_dumps as stacks
from walkaway.backends.backend import Backend, Deps
from walkaway.model import journal_kinds, pass_setup
from walkaway.process import proc_table
from walkaway.process.children import Exit, SpawnError


class Local(Backend):
    """Starts pytest as a child, notices its end, and signals its processes."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._exit: Exit | None = None

    def begin(self, number: int) -> None:
        """Start pytest. A command that cannot be executed ends the pass."""
        deps = self._deps
        self._exit = None
        try:
            pid = pytest_pass.start(deps.run, deps.record, number, deps.log_fd)
        except SpawnError as error:
            self.facts = self.facts._replace(spawn_error=str(error))
            self._exit = Exit()
            deps.journal.write(journal_kinds.PHASE, name=f"not started: {error}")
            return
        start = proc_table.start_ticks(pid)
        deps.family.main = (pid, start)
        self.running = True
        argv = pass_setup.argv(deps.run, number)
        deps.journal.write(
            journal_kinds.SPAWNED, pid=pid, start=start, argv=argv, **{"pass": number}
        )

    def take_over(self, number: int) -> None:
        """Watch the pytest process named by the supervisor's journal or by the recorder."""
        del number
        self.running = True
        if self._deps.family.main is None:
            self._exit = Exit()

    def turn(self, ended: Mapping[int, int]) -> Exit | None:
        """Return how pytest ended, once it has.

        An adopted pytest is not our child, so its exit status stays unknown.
        """
        main = self._deps.family.main
        if self._exit is None and main is not None:
            if main[0] in ended:
                self._exit = _decode(ended[main[0]])
            elif self._deps.adopted and not proc_table.alive(*main):
                self._exit = Exit()
        return self._exit

    def stacks(self) -> None:
        """Make every registered process write its stacks."""
        stacks.take(self._deps.record)

    def signal(self, number: int) -> None:
        """Send INT to pytest, any other signal to every descendant."""
        if number == signal.SIGINT:
            self._interrupt()
        else:
            self._deps.family.signal_all(number)

    def sweep(self) -> list[tuple[int, str]]:
        """End the descendants that are left."""
        return self._deps.family.sweep()

    def _interrupt(self) -> None:
        """Send INT to pytest, which tells its workers, ends the fixtures and writes its reports.

        The signal goes to the process that registered, not to a command around it (uv run, a
        shell), which may not forward it, or forward it twice.
        """
        found = stacks.registered(self._deps.record, "-")
        if any(proc_table.send(*process, signal.SIGINT) for process in found):
            return
        if self._deps.family.main is not None:
            proc_table.send(*self._deps.family.main, signal.SIGINT)


def _decode(status: int) -> Exit:
    if os.WIFSIGNALED(status):
        return Exit(None, os.WTERMSIG(status))
    return Exit(os.WEXITSTATUS(status))
