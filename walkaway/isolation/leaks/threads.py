"""Leak watch for threads still running after the test. Longer-lived pools' threads do not count.

Nor do threads of servers that outlive the test.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from types import FrameType
from typing import Final, cast

from walkaway.isolation.leaks import owners
from walkaway.isolation.leaks.new_items import SetWatch, Things

_WAITS: Final = (("concurrent.futures.thread", "_worker"), ("trio._core._thread_cache", "_work"))
"""Module and function of an idle executor thread. trio's ends after ten seconds."""
_RUNS: Final = ("asyncio.base_events", "run_forever")


class ThreadsWatch(SetWatch):
    """``roots`` returns what may own threads for longer than a test: values of wider fixtures."""

    kind = "threads"

    def __init__(self, roots: Callable[[], Sequence[object]]) -> None:
        self._roots = roots

    def things(self) -> Things:
        return frozenset(threading.enumerate())

    def excused(self, things: Things) -> Things:
        """Return threads that idle in an executor, or whose server or pool outlives the test."""
        new = cast("frozenset[threading.Thread]", things)
        idle = {thread for thread in new if _at(_frame(thread)) in _WAITS}
        busy = new - idle
        if not busy:
            return frozenset(idle)
        older = set(threading.enumerate()) - new - {threading.current_thread()}
        loops = list(_loops(older))
        owned = {id(thing) for thing in owners.below([*self._roots(), *owners.pools()])}
        return frozenset(
            one
            for one in new
            if one in idle
            or id(one) in owned
            or id(_worked_for(one)) in owned
            or any(each is loop for each in vars(one).values() for loop in loops)
        )

    def described(self, thing: Hashable) -> str:
        thread = cast("threading.Thread", thing)
        return f"{thread.name}{' (daemon)' if thread.daemon else ''}" if thread.is_alive() else ""


def _worked_for(thread: threading.Thread) -> object:
    """Return the object whose method a thread runs, or the thread itself if there is none."""
    return getattr(getattr(thread, "_target", None), "__self__", thread)


def _loops(threads: Iterable[threading.Thread]) -> Iterable[asyncio.AbstractEventLoop]:
    """Return the event loops that run in these threads: threads they start belong to them."""
    for thread in threads:
        frame = _frame(thread)
        while frame is not None:
            if _at(frame) == _RUNS:
                yield frame.f_locals["self"]
            frame = frame.f_back


def _frame(thread: threading.Thread) -> FrameType | None:
    return sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the only way to them


def _at(frame: FrameType | None) -> tuple[str, str]:
    if frame is None:
        return "", ""
    return str(frame.f_globals.get("__name__")), frame.f_code.co_name
