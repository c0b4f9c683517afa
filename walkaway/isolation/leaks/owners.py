"""Who may own things for longer than a test, and all that is below them.

Only asked when a test seems to have left something: a walk costs some tens of milliseconds.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final

import pytest

_MOST: Final = 200_000
"""Objects looked at."""
_LEAVES = (str, bytes, int, float, type, ModuleType, BuiltinFunctionType, CodeType, FrameType,
           asyncio.AbstractEventLoop, asyncio.Runner)  # fmt: skip
_FOREIGN = ("_pytest.", "pluggy.", "xdist.", "execnet.", "pytest_asyncio.")
_POOLS: Final = (
    ("sqlalchemy.pool", "Pool"),
    ("httpcore", "ConnectionPool"),
    ("urllib3.connectionpool", "HTTPConnectionPool"),
    ("redis.connection", "ConnectionPool"),
    ("psycopg_pool", "ConnectionPool"),
)
"""Of connections that no event loop owns: idle ones harm nobody."""


def of(fixtures: Iterable[pytest.FixtureDef[Any]]) -> list[object]:
    """Return what fixtures that are set up may own: their values, and what waits to undo them.

    A generator that waits at its yield holds the variables of the fixture, such as the server
    whose URL alone is the value.
    """
    found: list[object] = []
    for fixture in fixtures:
        if fixture.cached_result is not None:
            found += [fixture.cached_result[0], *getattr(fixture, "_finalizers", ())]
    return found


def pools() -> list[object]:
    """Return the pools of connections: what is in one is nobody's leak, wherever its owner is."""
    named = [getattr(sys.modules.get(module), name, None) for module, name in _POOLS]
    kinds = tuple(kind for kind in named if isinstance(kind, type))
    # Of the type alone: a look at __class__ wakes up what is lazy.
    return [thing for thing in gc.get_objects() if issubclass(type(thing), kinds)] if kinds else []


def below(roots: Iterable[object]) -> Iterator[object]:
    """Yield the roots and what they refer to, the nearest first, each once."""
    queue = deque(roots)
    seen = set[int]()
    while queue and len(seen) < _MOST:
        thing = queue.popleft()
        if id(thing) in seen or _leads_astray(thing):
            continue
        seen.add(id(thing))
        yield thing
        # Of a function what it closes over, not the whole module that it stands in.
        inner = thing.__closure__ or () if isinstance(thing, FunctionType) else (thing,)
        queue.extend(gc.get_referents(*inner))


def _leads_astray(thing: object) -> bool:
    """Tell what is no owner, but knows everything: pytest, modules, event loops."""
    kind = type(thing)
    return issubclass(kind, _LEAVES) or kind.__module__.startswith(_FOREIGN)
