"""From pytest's reports to one result a test.

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
#: A plugin's own word stood where pytest's stands, or the call's report was withheld.
UNKNOWN = "unknown"
#: Not a result of a test: failed subtests are counted beside their tests.
SUBFAILED = "subfailed"

#: The user property in which whoever measures a test's memory hands it on.
MEMORY = "walkaway_memory"

#: What pytest itself says of a phase; pytest-rerunfailures says `rerun` of a failed attempt.
OUTCOMES = frozenset({"passed", "failed", "skipped"})
RERUN = "rerun"

_REASON_CHARS = 200


def result_of(report: pytest.TestReport) -> str:
    """Return the result that this one report speaks for."""
    outcome: str = report.outcome
    expected = hasattr(report, "wasxfail")
    if outcome == "passed":
        return XPASSED if expected else PASSED
    if outcome == "skipped":
        return XFAILED if expected else SKIPPED
    return failure_in(report.when)


def failure_in(when: str | None) -> str:
    """Return the result that a failure in this phase is; a worker that died has the phase `???`."""
    return {"call": FAILED, "???": CRASHED}.get(when or "", ERROR)


def reruns_heal_subtests(*, workers: bool) -> bool:
    """Tell whether pytest-rerunfailures takes a rerun attempt's failed subtests out of the count.

    Its older versions let pytest go on to count them, so that the run ends with 1; some took them
    out in a serial run only.
    """
    plugin = sys.modules.get("pytest_rerunfailures")
    hooks = getattr(plugin, "XDistHooks", None)
    return hasattr(plugin, "_remove_failed_subtest_reports_from_stats") and (
        not workers or hasattr(hooks, "pytest_runtest_logreport")
    )


def only_counts_subtests(report: Foreign) -> bool:
    """Tell a test that failed only because pytest >= 9 found failed subtests in it.

    Its text is a count; each of those subtests has told its own failure.
    """
    said = report.longrepr
    return isinstance(said, str) and said.startswith("contains ") and "failed subtest" in said


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
