"""Where pytest runs: as a child of the supervisor, or in a container of a Compose project.

The supervisor knows `Backend` alone. Whatever its kind: nothing blocks for long, and facts are
told as they are; who died of what is for `model.endings` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from walkaway.process.children import Exit, Helper
    from walkaway.process.process_tree import Family
    from walkaway.record.journal import Journal


class Deps(NamedTuple):
    """What a backend is given by its supervisor."""

    run: dict[str, Any]
    record: str
    journal: Journal
    family: Family
    log_fd: int
    lock_fd: int
    adopted: bool


class Backend(Protocol):
    """One way to have pytest run. Methods are called from the supervisor's loop, one at a time."""

    running: bool
    """Pytest was started: the deadline and the watch for stalls go from here."""
    spawn_error: str
    """Why it could not be started, in one line."""

    spawn_said: list[str]
    """More of it; none: the log's last lines tell."""
    built: str
    """What came of a run that was only to build an image; empty otherwise."""
    notes: list[str]
    """What is to be said beside the verdict."""

    gave_way: bool
    """What it had waited for turned out to be another's: the run is to be queued again."""

    @property
    def silent(self) -> bool:
        """Whether the engine does not answer: no signal would arrive."""

    @property
    def pending(self) -> bool:
        """Whether the last signal is still to be sent: pytest is only being started."""

    def waiting(self) -> str:
        """Try to get what a run must wait for: empty when it has it, else behind whom it waits."""

    def begin(self, number: int) -> None:
        """Begin pass ``number`` (from 1). May take several turns; never raises for a bad start."""

    def take_over(self, number: int) -> None:
        """Go on with pass ``number`` where a supervisor that died left off."""

    def helpers(self) -> list[Helper]:
        """Return the children whose answers are waited for."""

    def turn(self, ended: Mapping[int, int]) -> Exit | None:
        """Take one turn; the end of the pass once it is known. ``ended``: wait status by PID."""

    def stacks(self) -> None:
        """Have pytest's processes write their stacks; takes seconds at most."""

    def interrupt(self) -> None:
        """Send INT to pytest alone."""

    def signal_all(self, number: int) -> None:
        """Signal every process of the run."""

    def sweep(self) -> list[tuple[int, str]]:
        """End what is left of a pass; returns PID and command of who it was."""

    def out_of_memory(self) -> bool:
        """Tell whether a process of the run was killed for want of memory, as the place says."""

    def before_close(self) -> None:
        """Save what would disappear, before the judgement."""

    def after_close(self) -> None:
        """Remove what the run has in use; the outcome is stored."""


def of(deps: Deps) -> Backend:
    """Return the backend of a run."""
    if deps.run.get("backend") == "compose":
        from walkaway.backends.compose import Compose

        return Compose(deps)
    from walkaway.backends.local import Local

    return Local(deps)
