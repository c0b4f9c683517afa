"""Leak watch for child processes that still run after the test.

Their own children are not seen. Processes of a pool that outlives the test do not count.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from walkaway.isolation.leaks import owners
from walkaway.isolation.leaks.new_items import SetWatch, Things

_NONE: Things = frozenset()
_MODULES: Final = ("subprocess", "multiprocessing.", "asyncio.")
_TASKS: Final = Path("/proc/self/task")


class ProcessesWatch(SetWatch):
    """``roots`` returns what may own processes for longer than a test."""

    kind = "processes"

    def __init__(self, roots: Callable[[], Sequence[object]]) -> None:
        self._roots = roots

    def things(self) -> Things:
        try:
            # One system call says that there is no child at all, which is nearly always so. WNOWAIT
            # leaves an ended child's status to its owner.
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return _NONE
        return frozenset(_children() - _of_multiprocessing())

    def excused(self, things: Things) -> Things:
        return things & {_pid(thing) for thing in owners.below(self._roots())}

    def described(self, thing: Hashable) -> str:
        with suppress(OSError):
            words = Path(f"/proc/{thing}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            return f"{thing} {b' '.join(words).decode(errors='replace')[:80]}"
        return ""


def _children() -> set[int]:
    """Return the running children. Empty outside Linux, or where the kernel does not list them."""
    found = set[int]()
    for task in _TASKS.iterdir() if _TASKS.is_dir() else ():
        with suppress(OSError):
            found.update(map(int, (task / "children").read_bytes().split()))
    return {pid for pid in found if _runs(pid)}


def _runs(pid: int) -> bool:
    """Return whether a process runs; a zombie only waits for its parent to read its status."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] not in {b"Z", b"X"}


def _pid(thing: object) -> int:
    """Return the pid of the process that a standard-library object represents, or 0."""
    kind = type(thing)
    if not any(each.__module__.startswith(_MODULES) for each in kind.__mro__):
        return 0
    try:
        known = vars(cast("Any", thing))
    except TypeError:
        return 0
    return next((known[n] for n in ("pid", "_pid") if isinstance(known.get(n), int)), 0)


def _of_multiprocessing() -> set[int | None]:
    """Return multiprocessing's helper processes, which serve the whole process and end with it."""
    found = set[int | None]()
    for module, name, field in (
        ("multiprocessing.resource_tracker", "_resource_tracker", "_pid"),
        ("multiprocessing.forkserver", "_forkserver", "_forkserver_pid"),
    ):
        helper = getattr(sys.modules.get(module), name, None)
        found.add(getattr(helper, field, None))
    return found
