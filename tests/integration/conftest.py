"""What all tests against services and stores need."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fixtures.environment import start_services
from walkaway.isolation.databases import Schema


@pytest.fixture(scope="session", autouse=True)
def _services(pytestconfig: pytest.Config) -> None:
    start_services(pytestconfig)


@pytest.fixture(scope="session")
def database_schema() -> Schema:
    """The platform's tables, for the databases that tests have to themselves."""
    from app.models import Base

    return Schema.of(Base.metadata)


@pytest.fixture(scope="session")
def load_large_dataset() -> Callable[[], list[tuple[str, str]]]:
    """Documents, as many as make a search work."""

    def load() -> list[tuple[str, str]]:
        word = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
        return [
            (f"notes/{n}.md", " ".join(word[(n + k) % len(word)] for k in range(60)))
            for n in range(5000)
        ]

    return load
