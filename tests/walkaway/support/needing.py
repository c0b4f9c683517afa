"""Hooks for tests that need a Docker engine: skipped without one, counted, and missed in CI."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import pytest

from walkaway.environment import engine

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

REASON = "no Docker engine answers"
REQUIRED = "WALKAWAY_ENGINE"


@cache
def _silent_because() -> str:
    return engine.silent_because(os.environ)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs an engine where none answers; asked once, when the first such test comes."""
    if item.get_closest_marker("engine") and _silent_because():
        pytest.skip(f"{REASON}: {_silent_because()}")


def skipped_for_engine(reporter: TerminalReporter | None) -> int:
    """How many tests with the marker were skipped, for whatever reason."""
    reports = reporter.stats.get("skipped", []) if reporter else []
    return sum("engine" in getattr(report, "keywords", {}) for report in reports)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    count = skipped_for_engine(terminalreporter)
    if count:
        why = f"{REASON}: {_silent_because()}" if _silent_because() else "see -rs"
        terminalreporter.write_line(f"engine tests skipped: {count} ({why})")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where an engine is required, as in `.ci/run`, a test skipped for want of it is a failure."""
    if os.environ.get(REQUIRED) != "required" or not os.environ.get("CI"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if skipped_for_engine(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
