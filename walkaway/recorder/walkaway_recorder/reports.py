"""From pytest's reports to one result a test.

Pure: takes reports, returns words. Must not know files or time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.foreign import Foreign

keep_builtins(globals())

PASSED = "passed"
FAILED = "failed"
ERROR = "error"
SKIPPED = "skipped"
XFAILED = "xfailed"
XPASSED = "xpassed"
CRASHED = "crashed"
#: Not a result of a test: failed subtests are counted beside their tests.
SUBFAILED = "subfailed"

#: The user property in which whoever measures a test's memory hands it on.
MEMORY = "walkaway_memory"

_REASON_CHARS = 200


def result_of(report: pytest.TestReport) -> str:
    """Return the result that this one report speaks for."""
    outcome: str = report.outcome
    expected = hasattr(report, "wasxfail")
    if outcome == "passed":
        return XPASSED if expected else PASSED
    if outcome == "skipped":
        return XFAILED if expected else SKIPPED
    return FAILED if report.when == "call" else ERROR


def is_subtest(report: pytest.TestReport) -> bool:
    """Tell a subtest's report (pytest >= 9 and pytest-subtests) from its test's."""
    return type(report) is not pytest.TestReport and getattr(report, "context", None) is not None


def subtest_description(report: Foreign) -> str:
    """Return what the terminal calls the subtest, such as `[message] (i=1)`."""
    describe = getattr(report, "sub_test_description", None) or getattr(
        report, "_sub_test_description", None
    )
    if describe is not None:
        return str(describe())[:_REASON_CHARS]
    context = report.context
    message = getattr(context, "msg", None)
    values = ", ".join(f"{name}={value}" for name, value in dict(context.kwargs).items())
    return " ".join(
        ([f"[{message}]"] if message is not None else []) + ([f"({values})"] if values else [])
    )[:_REASON_CHARS]


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Return why a test was skipped or expected to fail, at most 200 characters."""
    wasxfail = getattr(report, "wasxfail", None)
    if wasxfail is not None:
        text = _without(str(wasxfail), "reason: ")
    elif report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        text = _without(str(report.longrepr[2]), "Skipped: ")
    elif report.outcome == "skipped":
        text = str(report.longrepr)
    else:
        return None
    return text[:_REASON_CHARS] or None


def memory_of(properties: Foreign) -> tuple[int, int] | None:
    """Return (peak, growth) in bytes; None for a test that was not measured, or strangely so.

    The last one counts: a test that is run again keeps what it was told before.
    """
    try:
        found = [value for name, value in properties if name == MEMORY]
        return (int(found[-1]["peak_bytes"]), int(found[-1]["growth_bytes"])) if found else None
    except Exception:  # anybody's properties, in any form
        return None


def _without(text: str, prefix: str) -> str:
    return text[len(prefix) :] if text.startswith(prefix) else text
