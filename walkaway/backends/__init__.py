"""Where pytest runs: as a child of the supervisor, or in a container of a Compose project.

The supervisor uses only the `Backend` protocol. No backend may block for long. A backend reports
facts and must not judge them: `model.endings` decides the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from walkaway.model.run import Run
    from walkaway.process.children import Exit, Helper
    from walkaway.process.process_tree import Family
    from walkaway.record.journal import Journal


class Deps(NamedTuple):
    """What the supervisor passes to its backend."""

    run: Run
    record: str
    journal: Journal
    family: Family
    log_fd: int
    lock_fd: int
    adopted: bool


class Backend(Protocol):
    """One way to run pytest. The supervisor's loop calls the methods, one at a time."""

    running: bool
    """Pytest was started: the deadline and the stall check count from here."""
    spawn_error: str
    """Why pytest could not be started, in one line; empty otherwise."""

    spawn_said: list[str]
    """Further lines for `spawn_error`; when empty, the log's last lines are shown instead."""
    built: str
    """The result of a run that only builds an image; empty otherwise."""
    notes: list[str]
    """Remarks to show beside the verdict."""

    gave_way: bool
    """The environment it had leased is still in use by another run: queue this run again."""

    @property
    def silent(self) -> bool:
        """Whether the engine does not answer, so that no signal would arrive."""

    @property
    def pending(self) -> bool:
        """Whether the last signal has not been delivered yet, as while pytest is being started."""

    def waiting(self) -> str:
        """Try to get what the run needs; return what it waits for, empty when it has everything."""

    def begin(self, number: int) -> None:
        """Start pass ``number`` (from 1). May take several turns; a failed start does not raise."""

    def take_over(self, number: int) -> None:
        """Continue pass ``number`` of a supervisor that died."""

    def helpers(self) -> list[Helper]:
        """Return the child processes whose answers the supervisor should wait for."""

    def turn(self, ended: Mapping[int, int]) -> Exit | None:
        """Take one turn; return how the pass ended once known. ``ended``: wait status by PID."""

    def stacks(self) -> None:
        """Make pytest's processes write their stacks; takes seconds at most."""

    def interrupt(self) -> None:
        """Send INT to pytest only."""

    def signal_all(self, number: int) -> None:
        """Signal every process of the run."""

    def sweep(self) -> list[tuple[int, str]]:
        """End the processes that a pass left behind; return their PIDs and commands."""

    def out_of_memory(self) -> bool:
        """Return whether the backend itself knows that the run was killed for lack of memory."""

    def before_close(self) -> None:
        """Save what would disappear, before the run is judged."""

    def after_close(self) -> None:
        """Release what the run uses. Called after the outcome is stored."""


def of(deps: Deps) -> Backend:
    """Return the backend for a run."""
    wanted = deps.run.compose
    if wanted is not None:
        from walkaway.backends.compose import Compose

        return Compose(deps, wanted)
    from walkaway.backends.local import Local

    return Local(deps)
