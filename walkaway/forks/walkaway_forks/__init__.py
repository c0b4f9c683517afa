"""A pytest plugin that collects once and forks workers: `pytest -p walkaway_forks --forks 4`.

Needs only the standard library and pytest >= 7; works without the rest of Walkaway.
PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import os
from typing import Optional

import pytest

from walkaway_forks import fallback
from walkaway_forks.newhooks import ForksHooks

_HELP = "collect once, then run the tests in N forked workers; auto: as many as CPUs are allowed"


@pytest.hookimpl
def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("forks", "forked workers")
    group.addoption("--forks", metavar="N", default=None, help=_HELP)
    group.addoption(
        "--forks-test-limit",
        metavar="S",
        default=None,
        help="end a test after S seconds, also one stuck in C code: it counts as crashed",
    )
    group.addoption(
        "--forks-memory",
        metavar="MB",
        default=None,
        help="replace a worker between two tests once it holds more than MB megabytes",
    )


@pytest.hookimpl
def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(ForksHooks)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    given = config.getoption("--forks")
    if given is None:
        return
    workers = _workers(str(given))
    limit_s = _positive(config.getoption("--forks-test-limit"), "--forks-test-limit")
    memory_mb = _positive(config.getoption("--forks-memory"), "--forks-memory")
    _refuse_clashes(config)
    if config.option.collectonly or hasattr(config, "workerinput"):
        return
    from walkaway_forks.session import ForkedSession, Settings

    if not config.pluginmanager.hasplugin("xdist"):
        from walkaway_forks import fixtures

        config.pluginmanager.register(fixtures, "walkaway-forks-fixtures")
    settings = Settings(workers, limit_s, memory_mb)
    config.pluginmanager.register(ForkedSession(config, settings), "walkaway-forks-session")


def _workers(text: str) -> int:
    if text == "auto":
        own = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
        return int(own) if own.isdecimal() and int(own) else fallback.cpus()
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise pytest.UsageError(f"--forks is {text!r}: give a whole number, 1 or more, or auto")
    return number


def _positive(text: Optional[str], name: str) -> float:
    """Return a number of seconds or megabytes, 0.0 when the option was not given."""
    if text is None:
        return 0.0
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise pytest.UsageError(f"{name} is {text!r}: give a number above 0")
    return number


def _refuse_clashes(config: pytest.Config) -> None:
    option = config.option
    if getattr(option, "usepdb", False) or getattr(option, "trace", False):
        raise pytest.UsageError("--forks and --pdb or --trace: a debugger needs one process")
    dist = getattr(option, "dist", "no")
    if getattr(option, "numprocesses", None) or getattr(option, "tx", None) or dist != "no":
        raise pytest.UsageError("--forks and pytest-xdist's -n, --dist or --tx: choose one of them")
