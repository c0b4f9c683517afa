"""The recorder's pytest hooks, each guarded: recording must never fail or change a test.

Knows pytest's order of events; must not know formats.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from walkaway_recorder import environment, event_kinds
from walkaway_recorder.failure_text import shorten
from walkaway_recorder.guard import Exit, Foreign, Guard
from walkaway_recorder.node_ids import Ids, read_ids
from walkaway_recorder.originals import keep_builtins
from walkaway_recorder.reports import reason_of

if TYPE_CHECKING:
    from walkaway_recorder.events import Events
    from walkaway_recorder.failures import Failures
    from walkaway_recorder.ledger import Ledger
    from walkaway_recorder.xdist import Workers

keep_builtins(globals())

_LISTING = (
    "collectonly", "help", "version", "showfixtures", "show_fixtures_per_test",
    "markers", "cacheshow", "setuponly", "setupplan",
)  # fmt: skip
_DISTINCT_WARNINGS = 200
#: Exit statuses of a run loop that nothing cut short.
_TO_THE_END = frozenset({int(pytest.ExitCode.OK), int(pytest.ExitCode.TESTS_FAILED)})


def only_lists(config: pytest.Config) -> bool:
    """Return whether this pytest will only print something and run no test."""
    return any(getattr(config.option, name, None) for name in _LISTING)


class Hooks:
    """The hooks that the recorder uses in a serial pytest or in xdist's controller."""

    def __init__(  # noqa: PLR0913 - the parts of the recording
        self,
        events: Events,
        ids: Ids,
        failures: Failures,
        ledger: Ledger,
        workers: Workers,
        *,
        lists: bool,
    ) -> None:
        self._events = events
        self._guard = Guard(events.note)
        self._ids = ids
        self._failures = failures
        self._ledger = ledger
        self._workers = workers
        self._deselected = 0
        self._lists = lists
        self._skipped: set[str] = set()
        self._warned: set[tuple[str, str, str]] = set()

    # -- the session

    def pytest_configure(self, config: pytest.Config) -> None:
        with self._guard:
            self._failures.root = str(config.rootpath)
            self._events.put(
                event_kinds.CONFIGURED,
                rootdir=str(config.rootpath),
                args=[str(arg) for arg in config.args[:20]],
                list=self._lists,
                maxfail=int(getattr(config.option, "maxfail", 0) or 0),
            )

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        with self._guard:
            self._deselected += len(items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        with self._guard:
            self._workers.collected([item.nodeid for item in session.items], self._deselected)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        with self._guard:
            environment.wipe(os.environ)
            option = session.config.option
            stops_here = session.testsfailed and not option.continue_on_collection_errors
            if not self._lists and not stops_here:
                self._events.put(event_kinds.RUN_LOOP)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        with self._guard:
            self._events.put(
                event_kinds.INTERRUPTED, kind=excinfo.typename, m=str(excinfo.value)[:2000]
            )

    def pytest_internalerror(self, excrepr: Foreign) -> None:
        with self._guard:
            self._events.put(event_kinds.INTERNAL_ERROR, m=shorten(str(excrepr), 2000))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        with self._guard:
            for failure in self._workers.nobody_collected():
                self._collection_error(self._relative(failure.file), failure)
        with self._guard:
            self._ledger.close(in_order=exitstatus in _TO_THE_END)
            why = session.shouldfail or session.shouldstop or self._workers.should_stop()
            if why:
                self._events.put(event_kinds.STOPPING_EARLY, m=str(why)[:300])
            self._events.put(event_kinds.SESSION_FINISHED, exit=int(exitstatus))

    # -- other reports

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        with self._guard:
            if report.outcome == "passed":
                return
            if report.outcome == "skipped":  # a whole module or class; its tests are not known
                if report.nodeid in self._skipped:  # reported by another worker already
                    return
                self._skipped.add(report.nodeid)
                self._events.skipped_whole += self._events.pass_no == 1
                self._events.put(
                    event_kinds.COLLECTION_SKIPPED, id=report.nodeid, m=reason_of(report)
                )
                return
            differs = self._workers.difference(report.nodeid)
            if differs is not None:  # a worker's name, no node id: it cannot be rerun
                self._collection_error(report.nodeid, differs, again=False)
                return
            self._collection_error(report.nodeid, report.longrepr, report.sections)

    def _collection_error(
        self, nodeid: str, longrepr: Foreign, sections: Foreign = (), *, again: bool = True
    ) -> None:
        self._events.collection_errors += 1
        head: dict[str, object] = {"id": nodeid, "r": "error"}
        if not again:
            head["again"] = False
        line = None
        with self._guard:  # the error counts even without its text
            now = round(self._events.now(), 3)
            line = self._failures.put(head, "collect", longrepr, sections, t=now)
        known = {} if line is None else {"x": line}
        self._events.put(event_kinds.COLLECTION_ERROR, id=nodeid, **known)

    def pytest_warning_recorded(self, warning_message: Foreign, nodeid: str) -> None:
        with self._guard:
            self._events.warnings += 1
            if len(self._warned) >= _DISTINCT_WARNINGS:
                return
            category = getattr(warning_message.category, "__name__", "")
            message = str(warning_message.message)[:300]
            at = f"{self._relative(str(warning_message.filename))}:{warning_message.lineno}"
            key = (category, message, at)
            if key in self._warned:
                return
            self._warned.add(key)
            index = self._ids.number.get(nodeid)
            more: dict[str, object] = {} if index is None else {"i": index}
            self._events.put(event_kinds.WARNING, c=category, m=message, at=at, **more)

    def _relative(self, path: str) -> str:
        root = self._failures.root.rstrip("/") + "/"
        return path[len(root) :] if path.startswith(root) else path


class Selection:
    """Keeps the tests listed in a file and drops the others, in every process that collects.

    `aloud`: report the others to pytest as deselected.
    """

    def __init__(self, path: str, events: Events | None, *, aloud: bool) -> None:
        self._path = path
        self._events = events
        self._aloud = aloud

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        dropped: list[pytest.Item] = []
        try:
            selected = set(read_ids(self._path))
            dropped = [item for item in items if item.nodeid not in selected]
            items[:] = [item for item in items if item.nodeid in selected]
        except Exit:
            raise
        except Exception as error:
            dropped = []
            if self._events is not None:
                self._events.note(error)
        if dropped and self._aloud:
            config.hook.pytest_deselected(items=dropped)
