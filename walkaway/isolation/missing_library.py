"""Report a missing library: which fixture needs it, and how to install it.

Must not know which fixture needs what: each fixture calls this before it imports anything.
"""

from __future__ import annotations

import importlib

import pytest


def need(fixture: str, extra: str, *modules: str) -> None:
    """Fail the test unless all modules can be imported. ``walkaway[extra]`` installs them.

    A module that is installed but cannot work fails too, such as psycopg without libpq: the extra
    brings that as well.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            why = str(error).partition("\n")[0]
            raise pytest.fail.Exception(
                f"{fixture} needs {module}: {why}\nInstall it: pip install 'walkaway[{extra}]'",
                pytrace=False,
            ) from None
