"""The closed sets of words: status of a run, outcome of a run, result of a test."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The status of a run. Derived at every look, never stored."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    DONE = "done"
    UNKNOWN = "unknown"
    """Not known from here: another host, another boot, or locks that are not honoured."""


class Outcome(StrEnum):
    """How a run ended."""

    PASSED = "passed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    INTERNAL_ERROR = "internal-error"
    USAGE_ERROR = "usage-error"
    NO_TESTS = "no-tests"
    NOTHING_RUN = "nothing-run"
    COLLECTION_ERROR = "collection-error"
    INCOMPLETE = "incomplete"
    CRASHED = "crashed"
    KILLED = "killed"
    OUT_OF_MEMORY = "out-of-memory"
    TIMED_OUT = "timed-out"
    STALLED = "stalled"
    OUTPUT_LIMIT = "output-limit"
    DISK_FULL = "disk-full"
    STOPPED = "stopped"
    NOT_STARTED = "not-started"
    VANISHED = "vanished"


class Result(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    CRASHED = "crashed"
    UNKNOWN = "unknown"
    """A plugin used an outcome word of its own, or did not pass the outcome on."""
    LOST = "lost"
    NOT_RUN = "not-run"
    NO_RESULT = "no-result"
    """It had begun, or may have, when the run ended."""


BAD: frozenset[str] = frozenset({Result.FAILED, Result.ERROR, Result.CRASHED})
"""Results that make a run fail."""
