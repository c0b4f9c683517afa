"""Fixtures of the collection's tests, and what becomes of those that need a Docker engine."""

import compileall
import signal

import pytest

from tests.walkaway.support.apart import state_apart
from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.engine import built_image
from tests.walkaway.support.needing import (
    pytest_runtest_setup,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
from tests.walkaway.support.scratch import scratch
from tests.walkaway.support.stores import postgres_url, redis_url

__all__ = [
    "built_image",
    "configure_logging",
    "leak_check",
    "postgres_url",
    "pytest_configure",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "redis_url",
    "scratch",
    "state_apart",
]


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C also where a script has put us behind a `&`: what we start inherits it.

    And compile the product: thousands of Pythons that write no bytecode will read it.
    """
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(REPOSITORY / "walkaway", quiet=2)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def configure_logging() -> None:
    """Nothing: what the isolation library writes of tests is for the platform's."""


@pytest.fixture(autouse=True)
def leak_check() -> None:
    """Nothing: tests of processes, locks and the library itself are full of what it would find."""
