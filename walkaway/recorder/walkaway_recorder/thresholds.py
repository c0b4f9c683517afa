"""Find missed thresholds that make pytest fail although no test did: warnings, coverage, flaky.

Knows the options of pytest (9.1), pytest-cov (2.5) and pytest-rerunfailures (16) and tolerates
missing ones; must not know results.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    import pytest

    from walkaway_recorder.guard import Foreign

keep_builtins(globals())


def missed(config: pytest.Config) -> dict[str, object]:
    """Return the measured and the required value of every missed threshold.

    `warnings`: [count, most allowed]; `coverage`: [percent, percent required]; `flaky`: True if a
    test that passes only on a rerun should fail the run.
    """
    found: dict[str, object] = {}
    warnings = _warnings(config)
    if warnings is not None:
        found["warnings"] = warnings
    coverage = _coverage(config.pluginmanager.get_plugin("_cov"))
    if coverage is not None:
        found["coverage"] = coverage
    if getattr(config.option, "fail_on_flaky", None):
        found["flaky"] = True
    return found


def _warnings(config: pytest.Config) -> list[int] | None:
    if not hasattr(config.option, "max_warnings"):
        return None
    most = config.option.max_warnings
    if most is None:
        most = config.getini("max_warnings")
    reporter: Foreign = config.pluginmanager.get_plugin("terminalreporter")
    if most in {None, ""} or reporter is None:
        return None
    count = len(reporter.stats.get("warnings", ()))
    return [count, int(most)] if count > int(most) else None


def _coverage(plugin: Foreign) -> list[float] | None:
    total = getattr(plugin, "cov_total", None)
    options = getattr(plugin, "options", None)
    required = getattr(options, "cov_fail_under", None)
    if total is None or required is None:
        return None
    # Coverage's own rule rounds to the precision of its report.
    rule = getattr(sys.modules.get("coverage.results"), "should_fail_under", None)
    precision = getattr(options, "cov_precision", None) or 0
    failed = total < required if rule is None else rule(total, required, precision)
    return [round(float(total), 2), float(required)] if failed else None
