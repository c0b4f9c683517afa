"""A step of a CI: what it was, how it ended, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken or skipped."""

    name: str
    code: int = 0
    seconds: float = 0.0
    said: str = ""
    """What happened, in a few words; of a skipped step, why."""
    todo: str = ""
    """What to do now that it failed: a command, or a line with one."""
    skipped: bool = False


def code_of(steps: tuple[Step, ...], tests: str = "tests") -> int:
    """Return the whole's exit code: the tests', else that of the first step that failed."""
    ranked = sorted(steps, key=lambda step: step.name != tests)
    return next((step.code for step in ranked if step.code), 0)
