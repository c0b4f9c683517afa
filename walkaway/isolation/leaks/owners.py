"""Find objects that may own things for longer than a test, and everything they refer to.

Used only when a test seems to have left something: a walk costs some tens of milliseconds.
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
"""Most objects to visit in one walk."""
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
"""Pools of connections that belong to no event loop: idle connections in them harm nobody."""


def of(fixtures: Iterable[pytest.FixtureDef[Any]]) -> list[object]:
    """Return what fixtures now set up may own: their values and their finalizers.

    A generator that waits at its yield holds the fixture's local variables, such as a server whose
    URL alone is the fixture's value.
    """
    found: list[object] = []
    for fixture in fixtures:
        if fixture.cached_result is not None:
            found += [fixture.cached_result[0], *getattr(fixture, "_finalizers", ())]
    return found


def pools() -> list[object]:
    """Return all connection pools. Whatever is in one is nobody's leak, wherever its owner is."""
    named = [getattr(sys.modules.get(module), name, None) for module, name in _POOLS]
    kinds = tuple(kind for kind in named if isinstance(kind, type))
    # By type alone: reading __class__ would wake up lazy objects.
    return [thing for thing in gc.get_objects() if issubclass(type(thing), kinds)] if kinds else []


def below(roots: Iterable[object]) -> Iterator[object]:
    """Yield the roots and all they refer to, nearest first, each object once."""
    queue = deque(roots)
    seen = set[int]()
    while queue and len(seen) < _MOST:
        thing = queue.popleft()
        if id(thing) in seen or _leads_astray(thing):
            continue
        seen.add(id(thing))
        yield thing
        # Of a function, follow only what it closes over, not the whole module it is defined in.
        inner = thing.__closure__ or () if isinstance(thing, FunctionType) else (thing,)
        queue.extend(gc.get_referents(*inner))


def _leads_astray(thing: object) -> bool:
    """Return whether an object is no owner but reaches everything: pytest, modules, event loops."""
    kind = type(thing)
    return issubclass(kind, _LEAVES) or kind.__module__.startswith(_FOREIGN)
