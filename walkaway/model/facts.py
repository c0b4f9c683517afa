"""The facts about a run's end: the input of the verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a run's end.

    ``exit_code`` and ``signal`` are the process's, None when not observed. ``end`` is the exit
    status that the recorder wrote last. ``ended_by`` is why the supervisor ended the run: deadline,
    stall, linger, output, disk, stop, interrupt, or empty. ``missing`` counts tests that owe a
    report. ``before`` holds the ends of the earlier passes, None for one without a recorded end.
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
    """The result of a run that only builds an image; empty otherwise."""
    collected: bool = False
    looped: bool = False
    collection_errors: int = 0
    internal_error: str = ""
    interrupted: str = ""
    """Ctrl-C or pytest.exit(), as the recorder saw it."""
    stopping: str = ""
    expected: int = 0
    skipped_whole: int = 0
    """Modules and classes skipped as a whole during collection; not counted in ``expected``."""
    reported: int = 0
    missing: int = 0
    bad: int = 0
    crashed: int = 0
    crashed_ids: tuple[str, ...] = ()
    in_flight: int = 0
    worker_crashes: int = 0
    ended_early: str = ""
    """Why a worker ended before it had finished collecting; empty if none did."""
    crashes_made_good: int = 0
    """Crashes whose test a plugin ran again."""
    passes: int = 1
    before: tuple[int | None, ...] = ()
    too_many_warnings: tuple[int, int] | None = None
    """(warnings, how many are allowed) when there were too many."""
    too_little_coverage: tuple[float, float] | None = None
    """(percent measured, percent required) when it was too low."""
    too_flaky: int = 0
    """Tests that passed only on a rerun, if that should fail the run."""
    dropped: int = 0
    supervised: bool = True
    lost_lines: bool = False
    """Events were dropped although every test reported: lines are missing, not tests."""

    recorder_errors: int = 0
    """Errors in the recorder itself: a missing test may have a result that it could not record."""

    @property
    def status(self) -> int | None:
        """Pytest's exit status: as observed, else as the recorder wrote it.

        If the process ended with 0 but pytest recorded another status, the recorded one counts: an
        exit hook or a wrapper (`|| true`) can cause that.
        """
        if self.exit_code == 0 and self.end:
            return self.end
        return self.exit_code if self.exit_code is not None else self.end

    @property
    def earlier(self) -> int:
        """The highest exit status of the earlier passes; 0 without any."""
        return max((end for end in self.before if end is not None), default=0)

    @property
    def forgiven(self) -> bool:
        """Whether pytest recorded 0; beside failures that is a plugin's decision.

        False when an earlier pass recorded no end.
        """
        return self.end == 0 and None not in self.before
