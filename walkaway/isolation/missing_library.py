"""A library that is not there: which fixture wants it, and how it is had.

Must not know which fixture needs what; each says so before it imports anything.
"""

from __future__ import annotations

import importlib

import pytest


def need(fixture: str, extra: str, *modules: str) -> None:
    """Fail unless all of these can be imported; ``walkaway[extra]`` installs them.

    Also when one is there and cannot work, as psycopg without libpq: the extra brings that, too.
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
