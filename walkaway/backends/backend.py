"""What a backend is: one way to run pytest, as the supervisor sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from walkaway.model.observed import BackendFacts

if TYPE_CHECKING:
    from walkaway.model.run import Run
    from walkaway.process.children import Exit, Helper
    from walkaway.process.process_tree import Family
    from walkaway.record.journal import Journal


class Deps(NamedTuple):
    """What the supervisor passes to its backend and its limits: the run, and what it holds open."""

    run: Run
    record: str
    journal: Journal
    family: Family
    log_fd: int
    lock_fd: int
    adopted: bool


class Delivery(Enum):
    """Whether a signal sent now would reach pytest."""

    READY = auto()
    PENDING = auto()
    """The last one has not been delivered yet, as while pytest is being started."""
    SILENT = auto()
    """The engine does not answer, so none would arrive."""


class Backend(ABC):
    """One way to run pytest. The supervisor's loop calls the methods, one at a time.

    No method may block for long. A backend reports facts and must not judge them. The members that
    are not abstract suit a backend with nothing but processes of its own.
    """

    running = False
    """Pytest was started: the deadline and the stall check count from here."""
    gave_way = False
    """The environment it had leased is still in use by another run: queue this run again."""
    facts = BackendFacts()

    @property
    def delivery(self) -> Delivery:
        """Whether a signal sent now would reach pytest."""
        return Delivery.READY

    def waiting(self) -> str:
        """Try to get what the run needs; return what it waits for, empty when it has everything."""
        return ""

    @abstractmethod
    def begin(self, number: int) -> None:
        """Start pass ``number`` (from 1). May take several turns; a failed start does not raise."""

    @abstractmethod
    def take_over(self, number: int) -> None:
        """Continue pass ``number`` of a supervisor that died."""

    def helpers(self) -> list[Helper]:
        """Return the child processes whose answers the supervisor should wait for."""
        return []

    @abstractmethod
    def turn(self, ended: Mapping[int, int]) -> Exit | None:
        """Take one turn; return how the pass ended once known. ``ended``: wait status by PID."""

    @abstractmethod
    def stacks(self) -> None:
        """Make pytest's processes write their stacks; takes seconds at most."""

    @abstractmethod
    def signal(self, number: int) -> None:
        """Send INT to pytest alone, any other signal to every process of the run."""

    @abstractmethod
    def sweep(self) -> list[tuple[int, str]]:
        """End the processes that a pass left behind; return their PIDs and commands."""

    def before_close(self) -> None:  # noqa: B027 - most often nothing disappears
        """Save what would disappear, before the run is judged."""

    def after_close(self) -> None:  # noqa: B027 - most often nothing is held
        """Release what the run uses. Called after the outcome is stored."""
