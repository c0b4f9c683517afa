"""Resources inside the tests: databases, Redis, memory, factories, logging. A pytest plugin.

``pytest_plugins = ["walkaway.isolation"]`` in the topmost conftest.py of a project. Light at
import: SQLAlchemy and redis are imported by the fixtures that need them, so a project without
them loses nothing.
"""

from __future__ import annotations

pytest_plugins: tuple[str, ...] = ()
"""The parts that hold hooks or fixtures, each a plugin of its own."""
