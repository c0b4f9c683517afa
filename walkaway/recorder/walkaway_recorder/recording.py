"""One recording: opens every file at load and connects the parts of the recorder.

Knows the parts; must not know what any of them writes.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from walkaway_recorder import (
    event_kinds,
    previous_passes,
    process,
    record_folder,
    threads,
    thresholds,
    xdist,
)
from walkaway_recorder.crashed_tests import Culprits
from walkaway_recorder.descriptors import size_limit
from walkaway_recorder.events import Events, describe
from walkaway_recorder.failures import Failures
from walkaway_recorder.forked import Forked
from walkaway_recorder.guard import Guard
from walkaway_recorder.hooks import Hooks, Selection, only_lists
from walkaway_recorder.ledger import Ledger
from walkaway_recorder.node_ids import Ids
from walkaway_recorder.originals import System, keep_builtins
from walkaway_recorder.reruns import CarriedOver
from walkaway_recorder.spare import Spare
from walkaway_recorder.stopping import Stopping
from walkaway_recorder.writer import open_lines

if TYPE_CHECKING:
    from walkaway_recorder.environment import Given

keep_builtins(globals())

_CASE_VERBOSITY = (8, 1)


class Recording:
    """The recording of one pass, from the plugin's import to pytest's final status."""

    def __init__(self, given: Given) -> None:
        folder = given.record
        self._given = given
        self._place = record_folder.RecordFolder(folder, given.epoch, given.pass_no)
        self._config: pytest.Config | None = None
        #: Threads that keep the process open, written with the end event.
        self._open: list[dict[str, object]] = []
        self._pid = os.getpid()
        self._events = Events(
            open_lines(os.path.join(folder, "events.jsonl")),
            process.clock(),
            given.epoch,
            given.pass_no,
        )
        self._guard = Guard(self._events.note)
        self._lock = process.hold_lock(os.path.join(folder, "pytest.lock"))
        self._events.file.reopened = self._reopened
        self._events.file.limited = process.PatientFile.limited = self._limited
        self._limit_recorded = False
        self._take_spare(os.path.join(folder, "events.spare"))
        self._events.put(event_kinds.LOADED, **_loaded(given.pass_no))
        self._ids = Ids(folder)
        self._failures = Failures(open_lines(os.path.join(folder, "failures.jsonl")), os.getcwd())
        self._failures.spare = self._events.file.spare
        self._workers = xdist.Workers(
            self._events,
            self._ids,
            {
                xdist.STACKS: os.path.join(folder, "stacks"),
                xdist.SELECT: given.select or "",
                xdist.ORDER: given.order or "",
                xdist.RECORD: record_folder.to_text(self._place),
            },
        )
        self._ledger = Ledger(self._events, self._ids, self._failures, self._workers)
        self._events.more = self._more
        process.after_fork(self._leave)
        process.make_output_patient()
        try:
            process.dump_stacks_on_request(os.path.join(folder, "stacks"))
        except OSError as error:
            self._events.note(error)

    def begin(self, config: pytest.Config) -> bool:
        """Start recording the process's first pytest; False for one inside a test."""
        if self._config is not None or System.getpid() != self._pid:
            return False
        self._config = config
        threads.note_starts()
        with self._guard:
            self._listen(config)
        return True

    def end(self, status: object) -> None:
        """Write pytest's final status as the last line."""
        with self._guard:
            missed = thresholds.missed(self._config) if self._config is not None else {}
            if missed and System.getpid() == self._pid:
                self._events.put(event_kinds.THRESHOLDS_MISSED, **missed)
        with self._guard:
            if System.getpid() == self._pid:
                self._ids.flush()
                self._open = threads.open_now(self._failures.root)
        with self._guard:
            if System.getpid() == self._pid:
                self._events.end(int(status or 0))  # type: ignore[call-overload]  # int or ExitCode
                if self._events.file.spare is not None:
                    self._events.file.spare.remove_unused()

    def broke_off(self, error: BaseException) -> None:
        """Write the exception that left pytest instead of a status; it ends the process."""
        with self._guard:
            usage = isinstance(error, pytest.UsageError)  # pytest reports it and ends with 4
            if System.getpid() == self._pid and isinstance(error, Exception) and not usage:
                self._events.put(event_kinds.INTERNAL_ERROR, m=describe(error))

    def _listen(self, config: pytest.Config) -> None:
        given = self._given
        lists = only_lists(config)
        xdist.choose_restarts(config, given.pass_no)
        if given.pass_no > 1:
            previous_passes.keep_reports(config, given.record, given.pass_no)
            path = os.path.join(given.record, "events.jsonl")
            carried_over = CarriedOver(path, self._events, self._ids)
            config.pluginmanager.register(carried_over, "walkaway-reruns")
        if _version(pytest.__version__) < _CASE_VERBOSITY and not lists:
            # This pytest has no verbosity_test_cases; the log needs one line per test all the same.
            config.option.verbose = config.option.verbose or 1
        hooks = Hooks(
            self._events, self._ids, self._failures, self._ledger, self._workers, lists=lists
        )
        manager = config.pluginmanager
        if not lists:
            record_folder.announce(config, self._place)
            manager.register(self._ledger, "walkaway-ledger")
        manager.register(self._workers, "walkaway-workers")
        forked = Forked(self._events, self._ledger, self._workers, given.record)
        manager.register(forked, "walkaway-forked")
        manager.register(Culprits(self._events), "walkaway-culprits")
        manager.register(Stopping(self._events, given.record), "walkaway-stopping")
        manager.register(hooks, "walkaway-recorder")
        if given.select:
            selection = Selection(given.select, self._events, aloud=given.pass_no == 1)
            manager.register(selection, "walkaway-selection")
        if given.order:
            from walkaway_recorder.order import Order, let_seed_decide

            let_seed_decide(config, given.order)
            manager.register(Order(given.order, self._events.note), "walkaway-order")

    def _more(self) -> dict[str, object]:
        self._ids.flush()
        more: dict[str, object] = {"open": self._open} if self._open else {}
        return {
            **more,
            "fl": self._ledger.in_flight(),
            "x": self._failures.file.lines,
            "dropped": self._events.dropped_before
            + self._events.file.dropped
            + self._failures.file.dropped,
        }

    def _leave(self) -> None:
        """Release the lock and close all files; called in a forked child."""
        self._failures.spare = None
        self._events.file.close()
        self._failures.file.close()
        self._ids.close()
        self._lock.close()

    def _take_spare(self, path: str) -> None:
        try:
            self._events.file.spare = Spare(path)
        except OSError:  # no space, or the file system cannot do it: go on without
            self._events.file.spare = None

    def _limited(self) -> None:
        """Record, once, that a test has limited file sizes: our files and the log cannot grow."""
        with self._guard:
            recorded, self._limit_recorded = self._limit_recorded, True
            if not recorded and System.getpid() == self._pid:
                self._events.put(event_kinds.FILE_SIZE_LIMITED, n=size_limit(), **self._by())

    def _by(self) -> dict[str, object]:
        """Return the running test's index as an event's field, if exactly one is running."""
        flights = self._ledger.in_flight()
        return {"i": flights[0][0]} if len(flights) == 1 else {}

    def _reopened(self) -> None:
        """Record that a test closed our files, and retake the lock if it closed that too."""
        with self._guard:
            self._events.put(event_kinds.FILES_CLOSED, **self._by())
            if not self._lock.ours() and self._lock.reopen():
                process.lock(self._lock.fd)


def _loaded(pass_no: int) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "start": process.start_ticks(),
        "pass": pass_no,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "pytest": pytest.__version__,
        "xdist": _xdist_version(),
    }


def _xdist_version() -> str | None:
    from importlib import metadata

    try:
        return metadata.version("pytest-xdist")
    except metadata.PackageNotFoundError:
        return None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
