"""What the warm interpreter has imported before it is forked: nothing that pytest would rewrite.

A plugin that was imported before pytest could rewrite its asserts gives a warning: no plugins here,
but what they import.
"""

import contextlib
import gc
import importlib
import sys

from _pytest.config import builtin_plugins, default_plugins

_LIBRARIES = (
    "aiosqlite",
    "asyncio",
    "execnet.gateway",
    "fakeredis",
    "invoke.program",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
    "sqlite3",
    "unittest.mock",
    "xml.etree.ElementTree",
    "walkaway.tasks",
    "walkaway.runs.start",
    "walkaway.views.verdict",
)
for name in (
    *_LIBRARIES,
    *sorted(f"_pytest.{one}" for one in {*default_plugins, *builtin_plugins}),
):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)

# `-p asyncio` is a plugin; pytest takes this module for it, and would warn that it came too late.
sys.modules["asyncio"].__doc__ = "PYTEST_DONT_REWRITE"

# Collected now, so that no forked process copies these pages when it collects.
gc.collect()
gc.freeze()
