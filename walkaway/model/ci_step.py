"""A step of `ci`: what it was, how it ended, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was run or skipped."""

    name: str
    code: int = 0
    seconds: float = 0.0
    detail: str = ""
    """What happened, in a few words; for a skipped step, why."""
    todo: str = ""
    """What to do about a failed step: a command, or a line that contains one."""
    skipped: bool = False


def code_of(steps: tuple[Step, ...], tests: str = "tests") -> int:
    """Return the overall exit code: the tests' if they failed, else the first failed step's."""
    ranked = sorted(steps, key=lambda step: step.name != tests)
    return next((step.code for step in ranked if step.code), 0)
