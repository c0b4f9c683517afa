"""What the warm interpreter has imported before it is forked: nothing that pytest would rewrite.

A plugin that was imported before pytest could rewrite its asserts gives a warning: no plugins here,
but what they import.
"""

import contextlib
import gc
import importlib

from _pytest.config import builtin_plugins, default_plugins

_LIBRARIES = (
    "asyncio",
    "execnet.gateway",
    "invoke.program",
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

# Collected now, so that no forked process copies these pages when it collects.
gc.collect()
gc.freeze()
