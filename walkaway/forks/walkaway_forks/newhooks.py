"""Hooks that plugins may implement to follow forked workers. All but one run in the parent."""

from __future__ import annotations

import pytest


class ForksHooks:
    """Hook specifications. As everywhere in pytest, an implementation may omit any argument."""

    @pytest.hookspec
    def pytest_forks_worker_started(self, config: pytest.Config, worker: str, pid: int) -> None:
        """Called when a worker was forked."""

    @pytest.hookspec
    def pytest_forks_worker_begins(self, config: pytest.Config, worker: str) -> None:
        """Called in a worker, before it takes its first test."""

    @pytest.hookspec
    def pytest_forks_worker_ended(
        self, config: pytest.Config, worker: str, pid: int, crashed: str
    ) -> None:
        """Called when a worker has ended. ``crashed`` says how; empty when it ended normally."""

    @pytest.hookspec
    def pytest_forks_test_started(
        self, config: pytest.Config, item: pytest.Item, worker: str
    ) -> None:
        """Called as soon as it is known that a worker has begun a test."""

    @pytest.hookspec(firstresult=True)
    def pytest_forks_durations(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> dict[str, float] | None:
        """Return durations of these tests by node id, in seconds. None asks the next plugin."""
