"""What stands in for the asynchronous session fixture where nothing could run it."""

from __future__ import annotations

import pytest


@pytest.fixture
def db_session() -> None:
    """Say what is missing."""
    pytest.fail(
        "db_session is asynchronous and needs pytest-asyncio: install it (and do not switch it off "
        "with -p no:asyncio), or use transactional_db",
        pytrace=False,
    )
