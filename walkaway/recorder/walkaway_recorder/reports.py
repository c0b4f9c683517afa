"""Translate pytest's reports into results.

Pure: takes reports, returns words. Must not know files or time.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.guard import Foreign

keep_builtins(globals())

PASSED = "passed"
FAILED = "failed"
ERROR = "error"
SKIPPED = "skipped"
XFAILED = "xfailed"
XPASSED = "xpassed"
CRASHED = "crashed"
#: A plugin used its own outcome word, or the call's report was withheld.
UNKNOWN = "unknown"
#: Not a test's result: failed subtests are counted in addition to their tests.
SUBFAILED = "subfailed"

#: The user property that carries a test's measured memory.
MEMORY = "walkaway_memory"

#: pytest's own outcomes of a phase; pytest-rerunfailures reports a failed attempt as `rerun`.
OUTCOMES = frozenset({"passed", "failed", "skipped"})
RERUN = "rerun"

_REASON_CHARS = 200


def result_of(report: pytest.TestReport) -> str:
    """Return the result that this report alone implies."""
    outcome: str = report.outcome
    expected = hasattr(report, "wasxfail")
    if outcome == "passed":
        return XPASSED if expected else PASSED
    if outcome == "skipped":
        return XFAILED if expected else SKIPPED
    return failure_in(report.when)


def failure_in(when: str | None) -> str:
    """Return the result for a failure in this phase; `???` is the phase when a worker died."""
    return {"call": FAILED, "???": CRASHED}.get(when or "", ERROR)


def reruns_heal_subtests(*, workers: bool) -> bool:
    """Return whether pytest-rerunfailures removes a rerun attempt's failed subtests from the count.

    In its older versions pytest still counts them, so the run ends with 1; some versions remove
    them only in a serial run.
    """
    plugin = sys.modules.get("pytest_rerunfailures")
    hooks = getattr(plugin, "XDistHooks", None)
    return hasattr(plugin, "_remove_failed_subtest_reports_from_stats") and (
        not workers or hasattr(hooks, "pytest_runtest_logreport")
    )


def only_counts_subtests(report: Foreign) -> bool:
    """Return whether a test failed only because pytest >= 9 found failed subtests in it.

    Its text is just a count; each of those subtests has reported its own failure.
    """
    text = report.longrepr
    return isinstance(text, str) and text.startswith("contains ") and "failed subtest" in text


def is_subtest(report: pytest.TestReport) -> bool:
    """Return whether a report is a subtest's (pytest >= 9 or pytest-subtests), not a test's."""
    return type(report) is not pytest.TestReport and getattr(report, "context", None) is not None


def subtest_description(report: Foreign) -> str:
    """Return the subtest's name as the terminal shows it, such as `[message] (i=1)`."""
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
    """Return why a test was skipped or expected to fail, at most 200 characters; else None."""
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
    """Return (peak, growth) in bytes; None when the test was not measured or the value is odd.

    The last value counts: a test that is rerun keeps the earlier ones.
    """
    try:
        found = [value for name, value in properties if name == MEMORY]
        return (int(found[-1]["peak_bytes"]), int(found[-1]["growth_bytes"])) if found else None
    except Exception:  # user properties may have any form
        return None


def _without(text: str, prefix: str) -> str:
    return text[len(prefix) :] if text.startswith(prefix) else text
