"""What is known of a run's end from outside pytest: facts for the judgement. No judgement yet.

Light: the supervisor imports it.
"""

from __future__ import annotations

from typing import NamedTuple


class BackendFacts(NamedTuple):
    """What a backend found out. The defaults are those of a run that gave no trouble."""

    spawn_error: str = ""
    """Why pytest could not be started, in one line."""
    spawn_output: tuple[str, ...] = ()
    """Further lines for `spawn_error`; when empty, the log's last lines are shown instead."""
    built: str = ""
    """The result of a run that only builds an image."""
    oom_killed: bool = False
    """The engine itself says that the run was killed for lack of memory."""
    notes: tuple[str, ...] = ()
    """Remarks to show beside the verdict."""


class Observed(NamedTuple):
    """What the supervisor saw; without one, what the engine still knows."""

    exit_code: int | None = None
    signal: int | None = None
    ended_by: str = ""
    """Why the supervisor ended the run: a limit, linger, stop or interrupt; empty if it did not."""
    why: str = ""
    """The reason in words, for display."""
    lingering: bool = False
    """Pytest's process stayed open after pytest's end."""
    backend: BackendFacts = BackendFacts()
    out_of_memory: bool = False
    """The kernel killed a process of the run."""
    oom_on_machine: bool = False
    """The kernel killed some process on the machine during the run."""
    adopted: bool = False
    derived: bool = False
    """A reader judges, since nobody is left to do so."""
    number: int = 1
    """The pass that has just ended."""
    restored: bool = False
    """The record was deleted in mid-run."""
    now: float | None = None
    """Seconds since the run's start; None: the time of the last event."""
    ended_at: str | None = None
