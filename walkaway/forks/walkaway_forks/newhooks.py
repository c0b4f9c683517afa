"""Hooks that plugins may implement to follow forked workers. All run in the parent."""

from __future__ import annotations

import pytest


class ForksHooks:
    """Specifications; every argument is optional for an implementation, as in all of pytest."""

    @pytest.hookspec
    def pytest_forks_worker_started(self, config: pytest.Config, worker: str, pid: int) -> None:
        """Tell that a worker was forked."""

    @pytest.hookspec
    def pytest_forks_worker_ended(
        self, config: pytest.Config, worker: str, pid: int, crashed: str
    ) -> None:
        """Tell that a worker has ended; ``crashed`` says how, empty when it was in good order."""

    @pytest.hookspec
    def pytest_forks_test_started(
        self, config: pytest.Config, item: pytest.Item, worker: str
    ) -> None:
        """Tell that a worker has begun a test, as soon as it is known."""

    @pytest.hookspec(firstresult=True)
    def pytest_forks_durations(self, config: pytest.Config) -> dict[str, float] | None:
        """Return known durations by node id, in seconds; None: ask the next plugin."""
