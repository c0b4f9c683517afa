"""Threads that still run after the test."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import cast

from walkaway.isolation.leaks.sets import SetWatch, Things


class ThreadsWatch(SetWatch):
    kind = "threads"

    def things(self) -> Things:
        return frozenset(threading.enumerate())

    def described(self, thing: Hashable) -> str:
        thread = cast("threading.Thread", thing)
        return f"{thread.name}{' (daemon)' if thread.daemon else ''}" if thread.is_alive() else ""
