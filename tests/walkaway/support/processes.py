"""The mark `processes`: which tests start processes, so that the others make a fast check.

An unmarked test that starts one fails: the fast check stays fast, and nobody has to remember it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec"})
_FIXTURES = frozenset({"built_image", "nested", "postgres_url", "project", "redis_url", "scratch"})
"""Whoever uses one of these starts processes."""
_unmarked: list[str] = []
"""The test at work that may not start any; empty between tests and for the others."""


def pytest_configure() -> None:
    sys.addaudithook(_heard)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        used = _FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if used or item.get_closest_marker("engine"):
            item.add_marker(pytest.mark.processes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if item.get_closest_marker("processes") is None:
        _unmarked.append(item.nodeid)
    try:
        return (yield)
    finally:
        _unmarked.clear()


def _heard(event: str, _args: tuple[Any, ...]) -> None:
    if event in _STARTS and _unmarked:
        message = f"{_unmarked[0]} starts a process: mark it with pytest.mark.processes"
        raise AssertionError(message)
