"""The parent: deals the tests out to forked workers, and reports every result to pytest."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
import uuid
from typing import Any, Iterator, NamedTuple, Optional

import pytest

from walkaway_forks import chunks, fallback, wire
from walkaway_forks.board import Board
from walkaway_forks.chunks import Chunk
from walkaway_forks.crashed import crash_report, how_it_ended
from walkaway_forks.delivery import deliver, deliver_properties, deliver_warning
from walkaway_forks.pool import Live, Pool
from walkaway_forks.traits import gather_groups, traits_of
from walkaway_forks.worker import TOKEN, WorkerFiles, be_worker

_TURN_S = 0.2
_FRUITLESS = 3
"""Workers that may die in a row before beginning a test. After that, the tests are not to blame."""


class Settings(NamedTuple):
    """The options; 0 where one was not given."""

    workers: int
    limit_s: float
    memory_mb: float


class ForkedSession:
    """The plugin that replaces pytest's run loop."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._uid = uuid.uuid4().hex
        self._fruitless = 0
        self._exit: Optional[tuple[str, Optional[int]]] = None
        self._interrupted = False

    @pytest.hookimpl
    def pytest_report_header(self) -> str:
        n = self._settings.workers
        return f"forks: {n} worker{'s' if n != 1 else ''}"

    @pytest.hookimpl(hookwrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        yield
        gc.unfreeze()  # why_not looks at all objects

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Iterator[None]:
        yield
        # What a file has left lives to the end. Else the collector goes through it again and again:
        # a fifth of the time in which 10,000 tests are collected.
        if isinstance(collector, pytest.File):
            gc.freeze()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Optional[bool]:
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return None  # pytest's own loop reports it
        reason = fallback.why_not()
        if reason is not None:
            self._say(f"forks: the tests run in this process: {reason}")
            return None
        if session.items:
            self._prepare(session)
            try:
                self._run(session)
            finally:
                os.close(self._queue)
                self._board.close()
        return True

    def _prepare(self, session: pytest.Session) -> None:
        self._session = session
        gather_groups(session.items)
        self._items = session.items
        self._done = bytearray(len(self._items))
        self._workers = min(self._settings.workers, len(self._items))
        self._chunks = chunks.plan(traits_of(self._config, self._items), self._workers)
        self._pool = Pool()
        # Each additional worker exists because one died of a test, or before one.
        self._board = Board(self._workers + 2 * len(self._items) + 2 * _FRUITLESS)
        self._queue, feed = os.pipe()
        with open(feed, "wb") as pipe:
            pipe.write(b"".join(TOKEN.pack(number) for number in range(len(self._chunks))))
        factory: Any = getattr(self._config, "_tmp_path_factory", None)
        self._basetemp = None if factory is None else factory.getbasetemp()
        terminal: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and terminal.verbosity <= 0:
            terminal.showfspath = False  # tests of several files end interleaved
        if sys.platform == "linux":
            with contextlib.suppress(ImportError):
                import ctypes  # noqa: F401 - for the workers: see inherited.py

    def _run(self, session: pytest.Session) -> None:
        gc.freeze()  # lets workers share these pages until they write to them
        for _ in range(self._workers):
            self._fork(None)
        try:
            while len(self._pool):
                self._turn()
                if not len(self._pool) and not self._board.stopped:
                    self._fork_for_the_lost()
        except BaseException:
            self._board.stop()
            self._pool.interrupt(self._take_late)
            raise
        finally:
            gc.unfreeze()
        if self._interrupted:
            raise KeyboardInterrupt
        if self._exit is not None:
            pytest.exit(*self._exit)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)

    def _turn(self) -> None:
        for live, messages in self._pool.listen(_TURN_S if self._settings.limit_s else None):
            for message in messages or ():
                self._take(live, message)
            if messages is None:
                self._ended(live)
        if self._settings.limit_s:
            self._end_overdue()

    # -- messages from workers

    def _take(self, live: Live, message: tuple[Any, ...]) -> None:
        kind, *values = message
        if kind == "done":
            self._take_done(live, *values)
        elif kind == "part":
            live.parts += values[1]
        elif kind == "warning":
            deliver_warning(self._config, *values)
        elif kind == "rest":
            self._fork(Chunk(*values))
        elif kind == "stop":
            self._session.shouldstop = self._session.shouldstop or values[0]
            self._board.stop()
        elif kind == "interrupt":
            self._interrupted = True
            self._board.stop()
        elif kind == "exit":
            self._exit = self._exit or (values[0], values[1])
            self._board.stop()
        elif kind == "end":
            live.announced_end = True
            deliver_properties(self._config, values[0])

    def _take_done(self, live: Live, index: int, reports: list[Any], started: int) -> None:
        if index >= 0:
            parts, live.parts = [*live.parts, *reports], []
            self._deliver(live, index, parts)
        live.index = started
        if started >= 0:
            self._fruitless = 0
            self._config.hook.pytest_forks_test_started(
                config=self._config, item=self._items[started], worker=live.name
            )

    def _take_late(self, live: Live, message: tuple[Any, ...]) -> None:
        """Take a message while all workers are being ended: only results and warnings."""
        if message[0] in {"done", "part", "warning"}:
            self._take(live, message)

    def _deliver(self, live: Live, index: int, parts: list[Any]) -> None:
        self._done[index] = 1
        deliver(self._items[index], live.name, parts)
        if self._session.shouldfail or self._session.shouldstop:
            self._board.stop()

    # -- workers

    def _fork(self, first: Optional[Chunk]) -> None:
        def work(name: str, slot: int, out: int) -> None:
            basetemp = None if self._basetemp is None else self._basetemp / name
            place = WorkerFiles(
                name, slot, self._queue, out, first, self._workers, self._uid, basetemp
            )
            be_worker(self._session, self._chunks, self._board, place, self._settings.memory_mb)

        live = self._pool.fork(work)
        self._config.hook.pytest_forks_worker_started(
            config=self._config, worker=live.name, pid=live.pid
        )

    def _ended(self, live: Live) -> None:
        """Handle a worker's end. Give what it has left to a new worker."""
        status = self._pool.wait(live)
        crashed = "" if live.announced_end else how_it_ended(status)
        self._config.hook.pytest_forks_worker_ended(
            config=self._config, worker=live.name, pid=live.pid, crashed=crashed
        )
        if live.announced_end:
            return
        place = self._board.get(live.slot)
        if place.test < 0:
            self._fruitless += 1
        elif not self._done[place.test]:
            limit_s = self._settings.limit_s if live.limit_reached else 0.0
            report = crash_report(self._items[place.test], live.name, crashed, limit_s)
            self._deliver(live, place.test, [*live.parts, wire.sendable(report)])
        if self._fruitless >= _FRUITLESS:
            message = f"forked workers end before they have begun a test ({crashed})"
            raise RuntimeError(message)
        if not self._board.stopped and not all(self._done):
            self._fork(place.rest)

    def _fork_for_the_lost(self) -> None:
        """Run tests that no worker has reported or will: a worker died while it took a chunk."""
        lost = self._done.find(0)
        if lost >= 0:
            stop = self._done.find(1, lost)
            self._fork(Chunk(lost, stop if stop >= 0 else len(self._done)))

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for live in self._pool:
            place = self._board.get(live.slot)
            busy = place.test >= 0 and not self._done[place.test] and not live.limit_reached
            if busy and now - place.since_s > self._settings.limit_s:
                live.limit_reached = True
                self._pool.kill(live, signal.SIGKILL)

    def _say(self, line: str) -> None:
        terminal: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(line)
