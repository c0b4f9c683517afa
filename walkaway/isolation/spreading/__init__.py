"""Spread tests under pytest-xdist: `serial` tests last and alone, groups together. A pytest plugin.

In every mode that deals tests out (load, worksteal, loadscope, loadfile, loadgroup), tests with the
marker `serial` run after all others, on one worker, when no other worker is left. With load and
worksteal, the tests of an `xdist_group` run on one worker, in order, under their plain node ids;
the other modes keep their own idea of what belongs together. With `--dist each` every worker runs
everything, so nothing can be held back and the marker has no effect. Without workers every test is
alone, and serial ones keep their place.
"""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from typing import Any

import pytest

from walkaway.isolation.spreading import worker_report
from walkaway.isolation.spreading.scheduler import Spreading

PLACE = "walkaway_spreading"
"""Key under which the controller tells each worker where to write its report."""

_UNITS = {"LoadScheduling", "WorkStealingScheduling"}
_TOGETHER = {*_UNITS, "LoadGroupScheduling"}

_PLACE = pytest.StashKey[str]()
_SPREADING = pytest.StashKey[Spreading]()


# -- in a worker


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Report the tests as they are now, before xdist sends their ids."""
    given: dict[str, str] = getattr(session.config, "workerinput", {})
    if PLACE in given:
        about = worker_report.about(session.items)
        if about:
            worker_report.write(given[PLACE], given["workerid"], about)


# -- in the controller


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - xdist's
    place = node.config.stash.setdefault(_PLACE, worker_report.new_place())
    node.workerinput[PLACE] = place


@pytest.hookimpl(optionalhook=True, hookwrapper=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> Generator[None, Any, None]:
    """Wrap the scheduler that the mode, the recorder or the project has chosen."""
    outcome = yield
    inner = outcome.get_result()
    if not _deals_out(inner):
        return
    session = config.pluginmanager.get_plugin("dsession")
    place = config.stash.setdefault(_PLACE, worker_report.new_place())
    name = type(inner).__name__
    spreading = config.stash[_SPREADING] = Spreading(
        inner,
        lambda node: worker_report.take(place, node.gateway.id),
        lambda: bool(getattr(session, "shouldstop", False)),
        units=name in _UNITS,
        together=name in _TOGETHER,
    )
    outcome.force_result(spreading)


def _deals_out(inner: object) -> bool:
    """Return whether a scheduler is one of the kinds we know, or a subclass."""
    scheduler: Any = import_module("xdist.scheduler")  # no types to import
    kinds = (
        scheduler.LoadScheduling,
        scheduler.LoadScopeScheduling,
        scheduler.WorkStealingScheduling,
    )
    return isinstance(inner, kinds)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - xdist's
    spreading = node.config.stash.get(_SPREADING, None)
    if spreading is not None:
        spreading.gone(node)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _PLACE in config.stash:
        worker_report.sweep(config.stash[_PLACE])
