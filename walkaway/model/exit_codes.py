"""All exit codes in one place. Codes 0 to 7 come from pytest and its plugins."""

from __future__ import annotations

from typing import Final

PASSED: Final = 0
FAILED: Final = 1
INTERRUPTED: Final = 2
INTERNAL_ERROR: Final = 3
USAGE_ERROR: Final = 4
NO_TESTS: Final = 5
TOO_MANY_WARNINGS: Final = 6
"""`--max-warnings`, since pytest 9.1."""
FLAKY: Final = 7
"""`--fail-on-flaky` of pytest-rerunfailures, since 16."""

WRONG_USE: Final = 64
"""An invalid flag, selector or value; or several live runs and none named."""
INCOMPLETE: Final = 65
"""Collected tests did not report, or pytest ended without recording its end."""
NO_SUCH_RUN: Final = 66
NOT_STARTABLE: Final = 69
"""The interpreter, command, service or engine that the run needs is not available."""
VANISHED: Final = 70
CANNOT_RECORD: Final = 73
"""The record could not be created, so no run was started."""
STILL_RUNNING: Final = 75
LIMIT: Final = 124
"""Deadline, stall, output or disk limit."""
SIGNAL_BASE: Final = 128
CTRL_C: Final = 130
OUT_OF_MEMORY: Final = 137
