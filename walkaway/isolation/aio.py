"""`fixture` for asynchronous fixtures of the library: pytest-asyncio's, also in its strict mode.

Without pytest-asyncio it is pytest's own: nothing fails until such a fixture is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_asyncio import fixture
else:
    try:
        from pytest_asyncio import fixture
    except ImportError:
        from pytest import fixture  # noqa: PT013 - one name, of either module

__all__ = ["fixture"]
