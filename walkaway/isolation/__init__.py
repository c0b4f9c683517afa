"""Resources inside the tests: databases, Redis, memory, factories, logging. A pytest plugin.

``pytest_plugins = ["walkaway.isolation"]`` in the topmost conftest.py of a project. Light at
import: SQLAlchemy and redis are imported by the fixtures that need them, so a project without
them loses nothing.

PYTEST_DONT_REWRITE: a conftest.py that also imports from here has loaded it before pytest could
rewrite its asserts, and pytest warns of that. So in every part that a conftest.py may import.
"""

from __future__ import annotations

pytest_plugins: tuple[str, ...] = (
    "walkaway.isolation.databases.fixtures",
    "walkaway.isolation.factories",
    "walkaway.isolation.leaks.check",
    "walkaway.isolation.logs",
    "walkaway.isolation.markers",
    "walkaway.isolation.memory.large_dataset",
    "walkaway.isolation.memory.per_test",
    "walkaway.isolation.redis.fixtures",
    "walkaway.isolation.spreading",
    "walkaway.isolation.xfail_leftovers",
)
"""The parts that hold hooks or fixtures, each a plugin of its own."""
