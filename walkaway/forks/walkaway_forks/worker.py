"""A worker: takes chunks of tests and runs them by pytest's own protocol until none is left.

Knows the collection that the parent made. Must report results to nobody but the parent.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import struct
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable, ContextManager, NamedTuple, Optional, Sequence

import pytest
from _pytest.reports import TestReport
from _pytest.runner import CallInfo

from walkaway_forks import wire
from walkaway_forks.board import Board
from walkaway_forks.chunks import Chunk
from walkaway_forks.delivery import suite_log
from walkaway_forks.inherited import renew

TOKEN = struct.Struct("<i")
# A test may replace these: a worker that does not exit would go on as a second parent.
_exit, _getpid, _read = os._exit, os.getpid, os.read
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_SAVE_EVERY_S = 1.0


class WorkerFiles(NamedTuple):
    """What a worker is given."""

    name: str
    slot: int
    queue: int
    """Descriptor to take chunk numbers from."""
    out: int
    """Descriptor to send messages to the parent."""
    first: Optional[Chunk]
    """Chunk to run before any from the queue: what a dead worker has left."""
    workers: int
    run_uid: str
    basetemp: Optional[Path]
    """Folder for temporary files, created by the worker."""


class Worker:
    """Runs tests in a forked process. `run` returns when there is nothing left to do."""

    def __init__(
        self,
        session: pytest.Session,
        chunks: Sequence[Chunk],
        board: Board,
        place: WorkerFiles,
        memory_mb: float,
    ) -> None:
        self._session = session
        self._items = session.items
        self._chunks = chunks
        self._board = board
        self._place = place
        self._memory_pages = int(memory_mb * 1024 * 1024 / _PAGE)
        self._writer = wire.Writer(place.out)
        self._pid = os.getpid()
        self._index = -1
        self._reports: list[Any] = []
        self._torn_down = False
        """Whether the newest report is of a teardown that passed."""
        self._clock = time.monotonic
        self._save = _coverage_saver(session.config)
        self._saved_at = 0.0
        os.register_at_fork(after_in_child=self._forget)

    # -- hooks: the only remaining implementations of these in this process

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: Any) -> None:
        short = wire.short(report)
        self._torn_down = report.when == "teardown" and report.outcome == "passed"
        self._reports.append(wire.sendable(report) if short is None else short)
        if short is None and report.outcome == "failed":
            self._flush()  # a crash in teardown must not lose it

    @pytest.hookimpl
    def pytest_warning_recorded(
        self, warning_message: Any, when: str, nodeid: str, location: Any
    ) -> None:
        self._writer.send(("warning", _warning(warning_message), when, nodeid, location))

    # -- the loop

    def run(self) -> None:
        """Run chunks until the queue is empty or a stop is requested."""
        chunk = self._place.first or self._take()
        while chunk is not None:
            chunk = self._run_chunk(chunk)

    def _take(self) -> Optional[Chunk]:
        """Take the next chunk. Two workers never share a read of one number."""
        data = _read(self._place.queue, TOKEN.size)
        if len(data) < TOKEN.size or self._board.stopped:
            return None
        number: int = TOKEN.unpack(data)[0]
        return self._chunks[number]

    def _run_chunk(self, chunk: Chunk) -> Optional[Chunk]:
        """Run a chunk and return the next one."""
        last = chunk.stop - 1
        for index in range(chunk.start, chunk.stop):
            if self._board.stopped:
                return self._leave(None)
            if self._too_large():
                self._leave(None)
                self._writer.send(("rest", index, chunk.stop))
                return None
            self._board.put(self._place.slot, index, chunk.stop, self._clock())
            self._send_done(index)
            self._index = index
            self._run_test(index)
            if index == last:
                self._save_coverage()
                return self._leave(self._take())
        return self._take()

    def _run_test(self, index: int) -> None:
        item = self._items[index]
        count = len(self._items)
        # A chunk's last test gets the next collected test as its nextitem. So its own teardown
        # tears down what that one does not need, as in a serial run, and `_leave` does the rest.
        after = self._items[(index + 1) % count] if count > 1 else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if _getpid() != self._pid:
            _exit(0)  # a child that the test forked came back
        session = self._session
        if session.shouldstop or session.shouldfail:
            self._writer.send(("stop", str(session.shouldfail or session.shouldstop)))
            self._board.stop()

    def _leave(self, chunk: Optional[Chunk]) -> Optional[Chunk]:
        """Tear down what the next chunk does not need. An error counts for the last test."""
        if self._index < 0:
            return chunk
        item = self._items[self._index]
        after = None if chunk is None else self._items[chunk.start]
        with self._captured(item):
            call = CallInfo.from_call(
                lambda: self._session._setupstate.teardown_exact(after),
                "teardown",
            )
        if call.excinfo is not None:
            if self._torn_down and self._reports:
                self._reports.pop()  # one teardown report per test: the new one
            report: TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
            self.pytest_runtest_logreport(report)
        self._send_done()
        return chunk

    def _captured(self, item: pytest.Item) -> ContextManager[Any]:
        """Capture what fixtures print in their teardown, as in a test's own teardown."""
        manager: Any = self._session.config.pluginmanager.getplugin("capturemanager")
        if manager is None:
            return contextlib.nullcontext()
        capture: ContextManager[Any] = manager.item_capture("teardown", item)
        return capture

    # -- reporting

    def _flush(self) -> None:
        reports, self._reports = self._reports, []
        self._writer.send(("part", self._index, reports))

    def _send_done(self, started: int = -1) -> None:
        """Send the reports of the test that has ended, if any, and which test begins now."""
        reports, self._reports = self._reports, []
        self._writer.send(("done", self._index, reports, started))
        self._index = -1

    def _forget(self) -> None:
        """In a child that a test forked, send the parent nothing."""
        if self._writer.fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._writer.fd)
            self._writer._write = lambda _fd, data: memoryview(data).nbytes
            self._writer.fd = -1

    def _too_large(self) -> bool:
        if not self._memory_pages:
            return False
        try:
            with open("/proc/self/statm", "rb") as file:
                return int(file.read().split()[1]) > self._memory_pages
        except (OSError, ValueError, IndexError):
            return False

    def _save_coverage(self) -> None:
        """Save coverage data so far, so that a killed worker loses little."""
        if self._save is not None and self._clock() - self._saved_at > _SAVE_EVERY_S:
            self._save()
            self._saved_at = self._clock()

    def finish(self) -> None:
        """Send the last things: coverage data and suite properties, then the end message."""
        if self._save is not None:
            self._save()
        log = suite_log(self._session.config)
        pairs = () if log is None else log.global_properties
        properties = [(wire.as_text(name), wire.as_text(value)) for name, value in pairs]
        self._writer.send(("end", properties))


def _warning(message: Any) -> bytes:
    """Return a recorded warning as a pickle.

    One whose class cannot be pickled becomes a UserWarning.
    """
    place = (message.filename, message.lineno)
    try:
        return pickle.dumps((message.message, message.category, *place, message.line))
    except Exception:  # the tested project may warn with anything
        text = f"{message.category.__name__}: {wire.as_text(message.message)}"
        return pickle.dumps((UserWarning(text), UserWarning, *place, None))


def _coverage_saver(config: pytest.Config) -> Optional[Callable[[], None]]:
    """Return a function that saves pytest-cov's data of this process; None without coverage."""
    plugin: Any = config.pluginmanager.get_plugin("_cov")
    cov: Any = getattr(getattr(plugin, "cov_controller", None), "cov", None)
    if cov is None:
        return None

    def save() -> None:
        with contextlib.suppress(Exception):
            cov.save()

    return save


def _leave_process() -> None:
    """Run this process's own exit handlers without touching the parent's files."""
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        with contextlib.suppress(BaseException):
            util._exit_function()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()


def be_worker(
    session: pytest.Session,
    chunks: Sequence[Chunk],
    board: Board,
    place: WorkerFiles,
    memory_mb: float,
) -> None:
    """Act as a worker in a process that was just forked. Never returns."""
    status = 1
    config = session.config
    try:
        renew(config, place.name, place.workers, place.run_uid, place.basetemp)
        worker = Worker(session, chunks, board, place, memory_mb)
        config.pluginmanager.register(worker, "walkaway-forks-worker")
        config.hook.pytest_forks_worker_begins(config=config, worker=place.name)
        try:
            worker.run()
        except pytest.exit.Exception as stop:
            wire.Writer(place.out).send(("exit", str(stop.msg), stop.returncode))
        except KeyboardInterrupt:  # from a signal that the parent may not have got, or a test
            wire.Writer(place.out).send(("interrupt",))
            board.stop()
        worker.finish()
        _leave_process()
        status = 0
    except BaseException:  # shown on stderr; the parent sees the worker end
        with contextlib.suppress(BaseException):
            traceback.print_exc(file=sys.__stderr__)
    finally:
        _exit(status)
