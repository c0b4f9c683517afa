"""What all tests against services need."""

from __future__ import annotations

import pytest

from tests.fixtures.environment import start_services


@pytest.fixture(scope="session", autouse=True)
def _services(pytestconfig: pytest.Config) -> None:
    start_services(pytestconfig)
