"""The `fixture` decorator for the library's asynchronous fixtures.

It is pytest-asyncio's decorator, which works in strict mode too. Without pytest-asyncio it is
pytest's own, and the hook below fails any test that asks for an asynchronous fixture.

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
        from pytest import fixture  # noqa: PT013 - the same name from either module

__all__ = ["fixture"]

_OURS: Final = "walkaway.isolation."


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Fail a test that asks for one of our async fixtures when nothing can run it.

    A plugin that runs async fixtures has replaced the function with a synchronous one by now.
    """
    made = fixturedef.func
    if not str(getattr(made, "__module__", "")).startswith(_OURS):
        return
    if inspect.isasyncgenfunction(made) or inspect.iscoroutinefunction(made):
        pytest.fail(
            f"{fixturedef.argname} is asynchronous and needs pytest-asyncio: it is not installed, "
            "or switched off by -p no:asyncio\nInstall it: pip install pytest-asyncio",
            pytrace=False,
        )
