"""Sockets that are still open after the test; those of pools that outlive it are not its own."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import stat
import sys
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final, cast

from walkaway.isolation.leaks.sets import SetWatch, Things

_FDS: Final = "/proc/self/fd"
_MOST: Final = 200_000
"""Objects looked at for the owner of a new socket: some tens of milliseconds."""
_LEAVES = (str, bytes, int, float, type, ModuleType, BuiltinFunctionType, CodeType, FrameType,
           asyncio.AbstractEventLoop, asyncio.Runner)  # fmt: skip
_FOREIGN = ("_pytest.", "pluggy.", "xdist.", "execnet.", "pytest_asyncio.")


class ConnectionsWatch(SetWatch):
    """``roots`` returns what may own sockets for longer than a test: wider fixtures' values."""

    kind = "connections"

    def __init__(self, roots: Callable[[], Sequence[object]]) -> None:
        self._roots = roots

    def things(self) -> Things:
        return frozenset(_sockets())

    def excused(self, things: Things) -> Things:
        gc.collect()  # a client in a cycle is closed with it
        there = _sockets()
        wanted = {there[inode]: inode for inode in cast("frozenset[int]", things) & there.keys()}
        owned = _owned([*self._roots(), *_pools()], set(wanted)) if wanted else set[int]()
        return frozenset(wanted[fd] for fd in owned)

    def described(self, thing: Hashable) -> str:
        fd = _sockets().get(cast("int", thing))
        if fd is None:
            return ""
        with suppress(OSError), socket.socket(fileno=os.dup(fd)) as copy:
            return f"{_ends(copy)}, fd {fd}"
        return f"socket, fd {fd}"


def _sockets() -> dict[int, int]:
    """Return the descriptors of the open sockets, by inode; none outside Linux."""
    found: dict[int, int] = {}
    try:
        names = os.listdir(_FDS)  # noqa: PTH208 - for every test
    except OSError:
        return found
    for name in names:
        with suppress(OSError):
            # Half the price of the link's text.
            status = os.fstat(int(name))
            if stat.S_ISSOCK(status.st_mode):
                found[status.st_ino] = int(name)
    return found


def _ends(copy: socket.socket) -> str:
    here = copy.getsockname()
    there: object = None
    with suppress(OSError):
        there = copy.getpeername()
    if there:
        return f"connection to {_address(there)}"
    return f"socket at {_address(here)}" if here else "socket"


def _address(given: object) -> str:
    if isinstance(given, tuple):
        return f"{given[0]}:{given[1]}"
    return os.fsdecode(given) if isinstance(given, str | bytes) else repr(given)


def _owned(roots: Iterable[object], fds: set[int]) -> set[int]:
    """Return those of the descriptors that an object below these roots has open."""
    queue = deque(roots)
    seen = set[int]()
    found = set[int]()
    while queue and len(seen) < _MOST and found != fds:
        thing = queue.popleft()
        if id(thing) in seen or _leads_astray(thing):
            continue
        seen.add(id(thing))
        number = _fileno(thing)
        if number in fds:
            found.add(number)
        # Of a function what it closes over, not the whole module that it stands in.
        inner = thing.__closure__ or () if isinstance(thing, FunctionType) else (thing,)
        queue.extend(gc.get_referents(*inner))
    return found


def _leads_astray(thing: object) -> bool:
    """Tell what is no owner, but knows everything: pytest, modules, event loops."""
    kind = type(thing)
    return issubclass(kind, _LEAVES) or kind.__module__.startswith(_FOREIGN)


def _fileno(thing: object) -> int:
    """Return the descriptor of a socket or connection; -1 of anything else."""
    kind = type(thing)
    try:
        if kind.__name__ == "PGconn":  # psycopg's, the only trace of it in a pool
            return int(cast("Any", thing).socket)
        return int(cast("Any", thing).fileno()) if hasattr(kind, "fileno") else -1
    except Exception:  # noqa: BLE001 - a foreign object that is closed, or no file
        return -1


def _pools() -> list[object]:
    """Return SQLAlchemy's pools: what is idle in one is nobody's leak, wherever the engine is."""
    module = sys.modules.get("sqlalchemy.pool")
    if module is None:
        return []
    return [thing for thing in gc.get_objects() if issubclass(type(thing), module.Pool)]
