"""Report to pytest a test that ran in a worker: its own hooks, in the order of a serial run."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import pytest
from _pytest.reports import TestReport


def deliver(item: pytest.Item, worker: str, parts: list[Any]) -> None:
    """Call the hooks that pytest's runner would have called for this test in this process."""
    hook = item.ihook  # looked up once: that costs as much as a hook call
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    template: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, tuple):
            template = template or _template(item)
            report: Any = _passed(template, *part)
        else:
            report = pickle.loads(part)  # noqa: S301 - from our own fork
        report.worker_id = worker
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def deliver_warning(
    config: pytest.Config, data: bytes, when: str, nodeid: str, location: tuple[Any, ...]
) -> None:
    """Report a warning that was recorded in a worker."""
    message, category, filename, lineno, line = pickle.loads(data)  # noqa: S301 - as above
    recorded = warnings.WarningMessage(message, category, filename, lineno, line=line)
    config.hook.pytest_warning_recorded.call_historic(
        kwargs={
            "warning_message": recorded, "when": when, "nodeid": nodeid, "location": location,
        }
    )  # fmt: skip


def deliver_properties(config: pytest.Config, properties: list[tuple[str, str]]) -> None:
    """Add what `record_testsuite_property` recorded in a worker to the JUnit file."""
    log = suite_log(config)
    for name, value in properties if log is not None else ():
        if (name, value) not in log.global_properties:
            log.add_global_property(name, value)


def suite_log(config: pytest.Config) -> Any:
    """Return pytest's JUnit writer; None when no JUnit file was requested."""
    key = getattr(config.pluginmanager.get_plugin("junitxml"), "xml_key", None)
    return None if key is None else config.stash.get(key, None)


def _template(item: pytest.Item) -> dict[str, Any]:
    """Return the attributes of a plain passed report, without sections or properties."""
    keywords: Any = dict.fromkeys(item.keywords, 1)
    identity = getattr(item, "id", item.nodeid)  # an object from pytest 9.2 on
    return TestReport(identity, item.location, keywords, "passed", None, "call").__dict__


def _passed(
    template: dict[str, Any], when: str, duration: float, start: float, stop: float
) -> TestReport:
    """Create the report of a plain passed phase from the template."""
    report = TestReport.__new__(TestReport)
    values = report.__dict__
    values.update(template)
    values["when"], values["duration"] = when, duration
    if "start" in values:  # from pytest 7.2 on
        values["start"], values["stop"] = start, stop
    values["keywords"] = dict(values["keywords"])
    values["user_properties"], values["sections"] = [], []
    return report
