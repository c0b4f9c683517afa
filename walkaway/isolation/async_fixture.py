"""`fixture` for asynchronous fixtures of the library: pytest-asyncio's, also in its strict mode.

Without pytest-asyncio it is pytest's own, and the plugin in here refuses such a fixture when it is
asked for.

PYTEST_DONT_REWRITE: see walkaway.isolation.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from pytest_asyncio import fixture
else:
    try:
        from pytest_asyncio import fixture
    except ImportError:
        from pytest import fixture  # noqa: PT013 - one name, of either module

__all__ = ["fixture"]

_OURS: Final = "walkaway.isolation."


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Refuse one of ours that nothing runs; who does has put something synchronous in its place."""
    made = fixturedef.func
    if not str(getattr(made, "__module__", "")).startswith(_OURS):
        return
    if inspect.isasyncgenfunction(made) or inspect.iscoroutinefunction(made):
        pytest.fail(
            f"{fixturedef.argname} is asynchronous and needs pytest-asyncio: it is not installed, "
            "or switched off by -p no:asyncio\nInstall it: pip install pytest-asyncio",
            pytrace=False,
        )
