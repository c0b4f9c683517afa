"""What is known of a run's end: the input of the verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a run's end.

    ``exit_code`` and ``signal`` are the process's, None when not observed; ``end`` is the status
    that the recorder wrote last; ``ended_by`` is what made the supervisor end it: deadline, stall,
    output, disk, stop, interrupt, or nothing. ``missing`` counts tests that owe a report.
    ``before`` holds the ends of the passes before the last one, None for one that wrote none.
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
    """Pytest was asked to print something, not to run tests."""
    built: str = ""
    """An image was to be built, and no more."""
    collected: bool = False
    looped: bool = False
    collection_errors: int = 0
    internal_error: str = ""
    interrupted: str = ""
    """Ctrl-C or pytest.exit(), as the recorder saw it."""
    stopping: str = ""
    expected: int = 0
    skipped_whole: int = 0
    """Modules and classes that were skipped while they were collected; not among ``expected``."""
    reported: int = 0
    missing: int = 0
    bad: int = 0
    crashed: int = 0
    crashed_ids: tuple[str, ...] = ()
    in_flight: int = 0
    worker_crashes: int = 0
    ended_early: str = ""
    """Why a worker ended before it had collected."""
    crashes_made_good: int = 0
    """Crashes of a test that a plugin ran again."""
    passes: int = 1
    before: tuple[int | None, ...] = ()
    too_many_warnings: tuple[int, int] | None = None
    """How many there were, how many were allowed."""
    too_little_coverage: tuple[float, float] | None = None
    """Percent measured, percent wanted."""
    too_flaky: int = 0
    """Tests that passed only on a rerun, where that is to fail the run."""
    dropped: int = 0
    supervised: bool = True
    lost_lines: bool = False
    """Events were dropped, so that ``missing`` speaks of lines, not of tests."""

    recorder_errors: int = 0
    """Errors of the recorder itself: what is missing may have a result that it could not tell."""

    @property
    def status(self) -> int | None:
        """Pytest's exit status: observed, else as the recorder wrote it.

        An exit hook or a wrapper (`|| true`) may end a failed pytest's process with 0: its own
        word stands.
        """
        if self.exit_code == 0 and self.end:
            return self.end
        return self.exit_code if self.exit_code is not None else self.end

    @property
    def earlier(self) -> int:
        """The worst exit status of the passes before the last one."""
        return max((end for end in self.before if end is not None), default=0)

    @property
    def forgiven(self) -> bool:
        """Whether pytest itself said 0 in every pass: beside failures that is a plugin's word."""
        return self.end == 0 and None not in self.before
