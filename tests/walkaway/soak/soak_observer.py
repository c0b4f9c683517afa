"""A neutral witness: a pytest plugin that only listens, and writes what pytest reported.

Copied into the tested environment and loaded by `-p`; writes JSON to SOAK_OBSERVED when
the process ends, which is after xdist has waited for its workers.
"""

from __future__ import annotations

import atexit
import json
import os
from pathlib import Path
from typing import Any

import pytest

_target = os.environ.pop("SOAK_OBSERVED", "")
_pid = os.getpid()
_ids: list[str] = []
_deselected: list[int] = []
_collectors: list[tuple[str, str]] = []
_reports: list[tuple[str, str, str, bool, bool]] = []


def pytest_collection_finish(session: pytest.Session) -> None:
    _ids.extend(item.nodeid for item in session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids: list[str]) -> None:
    if not _ids:
        _ids.extend(ids)


def pytest_deselected(items: list[pytest.Item]) -> None:
    _deselected.append(len(items))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.outcome != "passed":
        _collectors.append((report.nodeid, report.outcome))


def pytest_runtest_logreport(report: Any) -> None:  # noqa: ANN401 - of pytest, xdist and subtests
    subtest = type(report) is not pytest.TestReport
    _reports.append(
        (report.nodeid, report.when, report.outcome, hasattr(report, "wasxfail"), subtest)
    )


def _write() -> None:
    if not _target or os.getpid() != _pid:
        return
    times = os.times()
    found = {
        "ids": _ids,
        "deselected": sum(_deselected),
        "collectors": _collectors,
        "reports": _reports,
        "cpu_s": times.user + times.system + times.children_user + times.children_system,
    }
    Path(_target).write_text(json.dumps(found), encoding="utf-8")


atexit.register(_write)
