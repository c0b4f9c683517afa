"""The report for a test whose worker died while it ran."""

from __future__ import annotations

import os
import signal

import pytest
from _pytest.reports import TestReport


def how_it_ended(status: int) -> str:
    """Return how a process ended, from its wait status: `killed by SIGKILL`, `exit status 3`."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return f"killed by {signal.Signals(number).name}"
        except ValueError:
            return f"killed by signal {number}"
    return f"exit status {os.WEXITSTATUS(status)}"


def crash_report(item: pytest.Item, worker: str, how: str, limit_s: float) -> TestReport:
    """Return a failed report.

    ``limit_s`` is above 0 when the parent killed the worker at the limit.
    """
    message = f"worker {worker!r} crashed while running {item.nodeid!r}: {how}"
    if limit_s:
        message = f"{item.nodeid} was ended after its limit of {limit_s:g} s (worker {worker})"
    return TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=message,
        when="???",  # type: ignore[arg-type]  # phase unknown; pytest-xdist writes the same
    )
