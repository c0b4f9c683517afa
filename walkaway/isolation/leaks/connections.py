"""Leak watch for sockets still open after the test. Sockets of longer-lived pools do not count."""

from __future__ import annotations

import gc
import os
import socket
import stat
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from walkaway.isolation.leaks import owners
from walkaway.isolation.leaks.new_items import SetWatch, Things

_FDS: Final = "/proc/self/fd"
_ANY: Final = ("0.0.0.0", "::")  # noqa: S104 - addresses that listeners report; we do not listen here


class ConnectionsWatch(SetWatch):
    """``roots`` returns what may own sockets for longer than a test: values of wider fixtures."""

    kind = "connections"

    def __init__(self, roots: Callable[[], Sequence[object]]) -> None:
        self._roots = roots

    def things(self) -> Things:
        return frozenset(_sockets())

    def excused(self, things: Things) -> Things:
        gc.collect()  # closes clients that only a reference cycle keeps alive
        there = _sockets()
        asked_for = {there[inode]: inode for inode in cast("frozenset[int]", things) & there.keys()}
        fine = _served(set(asked_for), set(there.values()) - set(asked_for))
        if rest := set(asked_for) - fine:
            fine |= _owned([*self._roots(), *owners.pools()], rest)
        return frozenset(asked_for[fd] for fd in fine)

    def described(self, thing: Hashable) -> str:
        fd = _sockets().get(cast("int", thing))
        if fd is None:
            return ""
        with suppress(OSError), _copy(fd) as copy:
            return f"{_ends(copy)}, fd {fd}"
        return f"socket, fd {fd}"


def _sockets() -> dict[int, int]:
    """Return the open sockets' descriptors by inode. Empty outside Linux."""
    found: dict[int, int] = {}
    try:
        names = os.listdir(_FDS)  # noqa: PTH208 - runs for every test
    except OSError:
        return found
    for name in names:
        with suppress(OSError):
            # Half the cost of reading the link.
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
    """Return the descriptors that an object reachable from these roots has open."""
    found = set[int]()
    for thing in owners.below(roots):
        number = _fileno(thing)
        if number in fds:
            found.add(number)
            if found == fds:
                break
    return found


def _served(new: set[int], old: Iterable[int]) -> set[int]:
    """Return the new descriptors that an older listening socket accepted.

    The server's end is the server's business. The client's end is the test's, if it was left open.
    """
    listening = set[object]()
    for fd in old if new else ():
        with suppress(OSError), _copy(fd) as copy:
            if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                listening.add(_where(copy))
    found = set[int]()
    for fd in new if listening else ():
        with suppress(OSError), _copy(fd) as copy:
            here = _where(copy)
            anywhere = {(host, here[1]) for host in _ANY} if isinstance(here, tuple) else set()
            if here and not listening.isdisjoint({here, *anywhere}):
                found.add(fd)
    return found


def _copy(fd: int) -> socket.socket:
    return socket.socket(fileno=os.dup(fd))


def _where(copy: socket.socket) -> object:
    """Return a socket's address: its path, or its host and port."""
    here = copy.getsockname()
    return here[:2] if isinstance(here, tuple) else here


def _fileno(thing: object) -> int:
    """Return the descriptor of a socket or connection, -1 for anything else."""
    kind = type(thing)
    try:
        if kind.__name__ == "PGconn":  # psycopg's: in a pool there is no other trace of the socket
            return int(cast("Any", thing).socket)
        return int(cast("Any", thing).fileno()) if hasattr(kind, "fileno") else -1
    except Exception:  # noqa: BLE001 - a foreign object that is closed, or no file
        return -1
