"""Per-test peak and growth of memory, and the marker `limit_memory`. A pytest plugin.

The teardown report of each test has the user property `walkaway_memory`: `{"peak_bytes": ...,
"growth_bytes": ...}`. The peak is the process's highest resident memory from the test's set-up to
its teardown. The growth is how much more it has afterwards than before. Both cover this process
only, not its children.

PYTEST_DONT_REWRITE: see walkaway.isolation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

import pytest

from walkaway.isolation.memory import object_release, process_memory, sizes

PROPERTY: Final = "walkaway_memory"
WORTH_BYTES: Final = 8 << 20
"""Growth from which a full garbage collection after the test pays: it costs 10 to 100 ms."""


@dataclass(slots=True)
class Measured:
    """One test: resident memory before it and its peak so far, in bytes."""

    before: int
    peak: int = 0


_MEASURED: Final = pytest.StashKey[Measured]()
_MEASURES: Final = pytest.StashKey[bool]()


class LimitReachedError(MemoryError):
    """A test was stopped at its `limit_memory`."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        'limit_memory("200 MB"): fails the test when its call takes more than that at its peak, '
        "and stops an allocation far beyond it",
    )
    config.stash[_MEASURES] = process_memory.reset_peak()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say so when memory is not measured."""
    if config.stash[_MEASURES]:
        return None
    return (
        f"memory: not measured on {sys.platform} (needs Linux's /proc); "
        "limit_memory is not enforced"
    )


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Keep `-n auto` within the container's CPUs and memory. xdist only knows the machine's."""
    del config
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None  # xdist reads the variable itself
    from walkaway.worker_slots import worker_count

    return worker_count.auto()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    if item.config.stash[_MEASURES] and process_memory.reset_peak():
        item.stash[_MEASURED] = Measured(process_memory.resident_bytes())
    yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    mark = item.get_closest_marker("limit_memory")
    measured = item.stash.get(_MEASURED, None)
    if mark is None:
        yield
        return
    limit = _limit(mark)
    if measured is None:
        yield
        return
    measured.peak = max(measured.peak, process_memory.peak_bytes())
    process_memory.reset_peak()
    before = process_memory.resident_bytes()
    try:
        with process_memory.ceiling(limit):
            yield
            _raise_kept(item)
    except (MemoryError, BaseExceptionGroup) as error:
        if isinstance(error, BaseExceptionGroup) and error.subgroup(MemoryError) is None:
            raise
        raise LimitReachedError(
            f"{item.nodeid} was stopped at its limit of {sizes.formatted(limit)}, "
            f"{sizes.formatted(process_memory.peak_bytes() - before)} above where it began\n"
            "Reduce its memory use, or raise the test's limit_memory."
        ) from error
    peak = process_memory.peak_bytes() - before
    if peak > limit:
        pytest.fail(
            f"{item.nodeid} took {sizes.formatted(peak)} at its peak, its limit is "
            f"{sizes.formatted(limit)}\nReduce its memory use, or raise the test's limit_memory.",
            pytrace=False,
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None:
        item.stash.setdefault(object_release.ERRORS, []).append(call.excinfo.value)
    if call.when == "teardown":
        _finish(item, report)
        if object_release.ERRORS in item.stash:
            del item.stash[object_release.ERRORS]
    return report


def _finish(item: pytest.Item, report: pytest.TestReport) -> None:
    measured = item.stash.get(_MEASURED, None)
    if measured is None:
        return
    del item.stash[_MEASURED]
    peak = max(measured.peak, process_memory.peak_bytes())
    if isinstance(item, pytest.Function):
        item.funcargs = {}  # pytest does the same a moment later
    if process_memory.resident_bytes() - measured.before >= WORTH_BYTES:
        object_release.let_go(item)
        if process_memory.resident_bytes() - measured.before >= WORTH_BYTES:
            object_release.give_back()
    value = {"peak_bytes": peak, "growth_bytes": process_memory.resident_bytes() - measured.before}
    # A test that is run again gets the property only once.
    others = [entry for entry in item.user_properties if entry[0] != PROPERTY]
    item.user_properties[:] = [*others, (PROPERTY, value)]
    report.user_properties = list(item.user_properties)


def _raise_kept(item: pytest.Item) -> None:
    """Raise the MemoryError of a `unittest.TestCase`, which pytest stores on the item instead."""
    kept: list[pytest.ExceptionInfo[BaseException]] = getattr(item, "_excinfo", None) or []
    if kept and isinstance(error := kept[0].value, MemoryError):
        kept.clear()  # otherwise pytest reports it in place of our message
        raise error


def _limit(mark: pytest.Mark) -> int:
    try:
        (text,) = mark.args
        return sizes.parsed(text)
    except ValueError as error:
        problem = str(error) if len(mark.args) == 1 else 'takes one size: limit_memory("200 MB")'
        raise pytest.fail.Exception(f"limit_memory: {problem}", pytrace=False) from None
