"""pytest plugin with isolated resources for tests: databases, Redis, memory, factories, logging.

Load it with ``pytest_plugins = ["walkaway.isolation"]`` in the topmost conftest.py of a project. It
is light to import: only the fixtures that need SQLAlchemy or redis import them, so a project
without them loses nothing. It works in any pytest. Must not import runs, and nothing else in
walkaway may import it.

PYTEST_DONT_REWRITE: when a conftest.py also imports from here, the module is loaded before pytest
can rewrite its asserts, and pytest would warn. Every module here that a conftest.py may import
carries this mark.
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
"""The modules that contain hooks or fixtures. Each is a plugin of its own."""
