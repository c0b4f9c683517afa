"""Decide whether this process can be forked safely, and if not, why. Also count usable CPUs."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import threading
from typing import Any, Optional

# Threads that only wait on a socket or a queue, hold nobody else's locks, and are not needed in a
# worker: pytest-rerunfailures' counter server, tqdm's monitor.
_HARMLESS = ("pytest_rerunfailures", "tqdm._monitor")


def cpus() -> int:
    """Return how many CPUs this process may run on."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)


def why_not() -> Optional[str]:
    """Return why forking workers would not be safe here and now; None when it is."""
    if not hasattr(os, "fork"):
        return "this platform has no fork"
    if sys.platform == "darwin":
        return "macOS frameworks do not survive a fork"
    busy = [thread for thread in threading.enumerate() if not _harmless(thread)]
    if busy:
        return f"a thread is running: {_described(busy[0])}"
    if asyncio._get_running_loop() is not None:
        return "an event loop is running"
    return _shared_connection()


def _shared_connection() -> Optional[str]:
    """Return a connection or event loop from before the fork, which all workers would share."""
    if not _has_sockets() and "sqlite3" not in sys.modules:
        return None
    sqlite3: Any = sys.modules.get("sqlite3")
    for thing in gc.get_objects():
        kind = type(thing)
        if issubclass(kind, asyncio.BaseEventLoop):
            if not thing.is_closed():
                return "an event loop was made before the tests: each worker needs its own"
        elif issubclass(kind, socket.socket):
            peer = _peer(thing)
            if peer:
                return f"a connection to {peer} was opened before the tests: workers would share it"
        elif sqlite3 is not None and issubclass(kind, sqlite3.Connection):
            path = _database_file(thing)
            if path:
                return f"the SQLite file {path} was opened before the tests: workers would share it"
    return None


def _has_sockets() -> bool:
    try:
        return any(
            os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
            for name in os.listdir("/proc/self/fd")
            if name.isdigit() and os.path.lexists(f"/proc/self/fd/{name}")
        )
    except OSError:
        return True


def _peer(sock: socket.socket) -> str:
    """Return the peer of a socket; empty when it is not connected."""
    try:
        peer = sock.getpeername()
    except OSError:
        return ""
    return (
        ":".join(map(str, peer[:2])) if isinstance(peer, tuple) else str(peer) or "another socket"
    )


def _database_file(connection: Any) -> str:
    try:
        rows = connection.execute("PRAGMA database_list").fetchall()
    except Exception:
        return ""
    return next((str(row[2]) for row in rows if row[2]), "")


def _harmless(thread: threading.Thread) -> bool:
    if thread is threading.main_thread():
        return True
    target = getattr(thread, "_target", None) or type(thread).run
    module = getattr(target, "__module__", "") or ""
    return module.startswith(_HARMLESS)


def _described(thread: threading.Thread) -> str:
    """Return a thread's name, and the line of the file that it runs."""
    frame = sys._current_frames().get(thread.ident or 0)
    place = ""
    while frame is not None:
        code = frame.f_code
        place = f"{code.co_filename}:{frame.f_lineno}"
        if not code.co_filename.startswith(sys.base_prefix):
            break
        frame = frame.f_back
    return f"{thread.name}, at {place}" if place else thread.name
