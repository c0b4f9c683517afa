"""Plugins of the platform's tests: the isolation library, and the environment they meet."""

pytest_plugins = ["walkaway.isolation", "tests.fixtures.environment"]
