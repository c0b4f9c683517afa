"""The fixture `large_dataset`: data loaded for one test and verified to be released after it.

PYTEST_DONT_REWRITE: see walkaway.isolation.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from walkaway.isolation import xfail_leftovers
from walkaway.isolation.memory import object_release


@pytest.fixture(scope="session")
def load_large_dataset() -> Callable[[], Any]:
    """Return the function that loads the data of `large_dataset`. Override it in conftest.py.

    It is called once for each test that asks for `large_dataset`. Scope: session.
    """
    pytest.fail(
        "large_dataset: nothing to load\nOverride the fixture `load_large_dataset` in conftest.py; "
        "it returns a function that loads and returns the data.",
        pytrace=False,
    )


@pytest.fixture
def large_dataset(
    request: pytest.FixtureRequest, load_large_dataset: Callable[[], Any]
) -> Iterator[Any]:
    """Data for this test alone, loaded by `load_large_dataset`.

    Fails the test's teardown when something still holds the data. Scope: function.
    """
    kept = [load_large_dataset()]
    yield kept[0]
    # Drop pytest's own references, which would go a moment later anyway.
    arguments = request.node.funcargs
    for name in [name for name in arguments if arguments[name] is kept[0]]:
        del arguments[name]
    request._fixturedef.cached_result = None  # type: ignore[attr-defined]  # noqa: SLF001 - a SubRequest has it
    if not _held(kept):
        return
    object_release.let_go(request.node)
    if holders := _holders(kept):
        xfail_leftovers.fail(
            f"{request.node.nodeid} keeps its large_dataset: it is in {', '.join(holders)}\n"
            "Have the test drop it, or keep only what it needs of it.",
        )


def _held(kept: list[Any]) -> bool:
    return sys.getrefcount(kept[0]) > _ALONE


def _alone() -> int:
    """Return what `getrefcount` reports for an object in one list only; Python versions differ."""
    kept: list[Any] = [object()]
    return sys.getrefcount(kept[0])


_ALONE = _alone()


def _holders(kept: list[Any]) -> list[str]:
    """Return who else holds the data, a few words each."""
    if not _held(kept):
        return []
    others = [one for one in gc.get_referrers(kept[0]) if one is not kept]
    found = sorted({_named(one, kept[0]) for one in others if not isinstance(one, FrameType)})
    return found or ["something that Python does not track, such as an extension or a thread"]


def _named(holder: Any, thing: object) -> str:  # noqa: ANN401 - any object may hold it
    """Return the name of a container as `module.variable`, or its type when no module holds it."""
    if isinstance(holder, dict) and "__spec__" in holder:
        return f"{holder['__name__']}.{_key(holder, thing)}"
    for outer in gc.get_referrers(holder):
        if isinstance(outer, dict) and "__spec__" in outer:
            return f"{outer['__name__']}.{_key(outer, holder)}"
    return f"a {type(holder).__qualname__}"


def _key(names: dict[Any, Any], thing: object) -> str:
    return next((str(name) for name, value in names.items() if value is thing), "?")
