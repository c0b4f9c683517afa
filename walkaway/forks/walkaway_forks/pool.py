"""Fork the worker processes, read their pipes, and end them. Must not know what messages mean."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
import warnings
from typing import Any, Callable, Iterator, Optional

from walkaway_forks import wire

_DRAIN_S = 5.0


_exit = os._exit  # a test may replace it


class Live:
    """A worker as the parent sees it."""

    def __init__(self, name: str, slot: int, pid: int, fd: int) -> None:
        self.name = name
        self.slot = slot
        """Its place on the board."""
        self.pid = pid
        self.reader = wire.Reader(fd)
        self.index = -1
        """Index of the test in flight; -1 between tests."""
        self.parts: list[Any] = []
        """Reports of the test in flight that have already arrived."""
        self.limit_reached = False
        self.announced_end = False


class Pool:
    """All workers of one run."""

    def __init__(self) -> None:
        self._live: dict[int, Live] = {}
        self._poll = select.poll()
        self.started = 0

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    def fork(self, work: Callable[[str, int, int], None]) -> Live:
        """Fork a worker that calls ``work(name, slot, descriptor)``, which never returns."""
        slot = self.started
        self.started += 1
        name = f"gw{slot}"
        ours, theirs = os.pipe()
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(Exception):
                stream.flush()  # type: ignore[union-attr]  # may be None
        with warnings.catch_warnings():
            # fallback has decided that forking is safe; `-W error` must not end the suite here.
            warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                os.close(ours)
                for live in self:
                    os.close(live.reader.fd)
                work(name, slot, theirs)
            finally:
                _exit(1)
        os.close(theirs)
        live = Live(name, slot, pid, ours)
        self._live[ours] = live
        self._poll.register(ours, select.POLLIN | select.POLLHUP)
        return live

    def listen(self, timeout_s: Optional[float]) -> Iterator[tuple[Live, Optional[list[Any]]]]:
        """Yield workers with their new messages, or with None when a worker's pipe has ended."""
        for fd, _ in self._poll.poll(None if timeout_s is None else timeout_s * 1000):
            live = self._live.get(fd)
            if live is not None:
                yield live, live.reader.read()

    def wait(self, live: Live) -> int:
        """Remove an ended worker and return its wait status."""
        with contextlib.suppress(KeyError):
            self._poll.unregister(live.reader.fd)
        self._live.pop(live.reader.fd, None)
        os.close(live.reader.fd)
        return os.waitpid(live.pid, 0)[1]

    def kill(self, live: Live, number: int = signal.SIGKILL) -> None:
        """Signal a worker. It has not been waited for, so its PID cannot be another process's."""
        with contextlib.suppress(OSError):
            os.kill(live.pid, number)

    def interrupt(self, take: Callable[[Live, Any], None]) -> None:
        """End all workers: send INT, take what they still send for a while, then send KILL."""
        until = time.monotonic() + _DRAIN_S
        for live in self:
            self.kill(live, signal.SIGINT)
        with contextlib.suppress(KeyboardInterrupt):
            while self._live and time.monotonic() < until:
                for live, messages in self.listen(0.1):
                    for message in messages or ():
                        take(live, message)
                    if messages is None:
                        self.wait(live)
        for live in self:
            self.kill(live)
            self.wait(live)
