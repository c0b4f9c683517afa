"""Tests in flight: from start and reports to exactly one result each.

Knows the order in which pytest, xdist and rerunfailures report; must not know files.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING

from walkaway_recorder import reports, texts

if TYPE_CHECKING:
    import pytest

    from walkaway_recorder.events import Events
    from walkaway_recorder.failures import Failures
    from walkaway_recorder.foreign import Foreign
    from walkaway_recorder.ids import Ids


class Flight:
    """A test that was started and has not finished."""

    __slots__ = ("call", "index", "result", "saw", "setup", "since", "subfailed", "told", "why")

    def __init__(self, index: int, since: float) -> None:
        self.index = index
        #: Seconds on the record's clock.
        self.since = since
        self.clear()

    def clear(self) -> None:
        """Forget an attempt that is run again."""
        self.setup = self.call = 0.0
        self.result = ""
        #: Line in failures.jsonl, and the reason of a skip.
        self.told: int | None = None
        self.why: str | None = None
        self.subfailed = 0
        self.saw = False


class Ledger:
    """Follows every test from its start to its result."""

    def __init__(self, events: Events, ids: Ids, failures: Failures) -> None:
        self._events = events
        self._ids = ids
        self._failures = failures
        #: By worker ("" when serial) and node id: --dist=each runs an id on every worker.
        self._flights: dict[tuple[str, str], Flight] = {}
        self._pieces: dict[str, str] = {"": ""}

    def index(self, nodeid: str) -> int:
        """Return the id's number; an id that a plugin made up later gets the next one."""
        number = self._ids.number.get(nodeid)
        if number is None:
            self._ids.add((nodeid,))
            number = self._ids.number[nodeid]
        return number

    def start(self, nodeid: str, worker: str = "") -> None:
        """Take note that a test starts; again at a second attempt changes nothing."""
        key = (worker, nodeid)
        if key in self._flights:
            return
        index = self.index(nodeid)
        since = self._events.started(index, self._piece(worker))
        self._flights[key] = Flight(index, since)

    def report(self, report: Foreign, worker: str = "") -> None:
        """Take in one report; the teardown's ends the test."""
        nodeid = report.nodeid
        when: str = report.when or ""
        outcome: str = report.outcome
        if when == "???":
            self._crash(report, nodeid, worker)
            return
        flight = self._flights.get((worker, nodeid))
        if flight is None:
            flight = self._flights[worker, nodeid] = Flight(self.index(nodeid), self._events.now())
        if outcome == "passed" and when != "call":
            if when == "setup":
                flight.setup = report.duration
                flight.saw = True
            else:
                self._finish(nodeid, worker, flight, report.duration)
            return
        if reports.is_subtest(report):
            self._subtest(report, flight)
        elif outcome == "rerun":  # pytest-rerunfailures: only the last attempt counts
            flight.clear()
            self._events.put("rr", i=flight.index)
        else:
            self._phase(report, when, flight)
            if when == "teardown":
                self._finish(nodeid, worker, flight, report.duration)

    def logged(self, nodeid: str, worker: str = "") -> None:
        """End a test whose plugin has a protocol of its own, without a teardown."""
        flight = self._flights.get((worker, nodeid))
        if flight is not None and flight.saw:
            self._finish(nodeid, worker, flight, 0.0)

    def in_flight(self) -> list[list[object]]:
        """Return [index, worker or None, seconds of its start] of every test in flight."""
        return [
            [flight.index, worker or None, round(flight.since, 3)]
            for (worker, _), flight in self._flights.items()
        ]

    def _phase(self, report: pytest.TestReport, when: str, flight: Flight) -> None:
        result = reports.result_of(report)
        flight.saw = True
        if when == "setup":
            flight.setup = report.duration
        elif when == "call":
            flight.call = report.duration
        if result == reports.PASSED or (when == "teardown" and report.outcome == "skipped"):
            flight.result = flight.result or result
            return
        if report.outcome == "failed":
            told = self._tell(report, flight.index, result, when)
            if flight.told is None:
                flight.told = told
            if flight.result in {reports.FAILED, reports.ERROR}:
                return
        flight.result = result
        flight.why = reports.reason_of(report)

    def _finish(self, nodeid: str, worker: str, flight: Flight, teardown: float) -> None:
        result = flight.result or reports.PASSED
        if flight.subfailed and result == reports.PASSED:
            result = reports.FAILED
        del self._flights[worker, nodeid]
        more = self._piece(worker)
        if flight.told is not None:
            more += f',"x":{flight.told}'
        if flight.why:
            more += f',"m":{dumps(flight.why)}'
        durations = (flight.setup, flight.call, teardown)
        self._events.finished(flight.index, result, durations, more)

    def _subtest(self, report: pytest.TestReport, flight: Flight) -> None:
        if report.outcome != "failed":
            return
        flight.subfailed += 1
        counts = self._events.counts
        counts[reports.SUBFAILED] = counts.get(reports.SUBFAILED, 0) + 1
        told = self._tell(report, flight.index, reports.FAILED, "call")
        if flight.told is None:
            flight.told = told
        more = {} if told is None else {"x": told}
        name = reports.subtest_description(report)
        self._events.put("sub", i=flight.index, r=reports.FAILED, m=name, **more)

    def _crash(self, report: pytest.TestReport, nodeid: str, worker: str) -> None:
        flight = self._flights.get((worker, nodeid))
        if flight is None:  # the worker died between two tests
            flight = self._flights[worker, nodeid] = Flight(self.index(nodeid), self._events.now())
        flight.result = reports.CRASHED
        flight.told = self._tell(report, flight.index, reports.CRASHED, "crash")
        self._finish(nodeid, worker, flight, 0.0)

    def _tell(self, report: pytest.TestReport, index: int, result: str, when: str) -> int | None:
        head: dict[str, object] = {"i": index, "id": report.nodeid, "r": result}
        now = round(self._events.now(), 3)
        path, line, name = report.location
        return self._failures.put(
            head,
            when,
            report.longrepr,
            report.sections,
            place=texts.Frame(str(path), 0 if line is None else line + 1, str(name)),
            t=now,
        )

    def _piece(self, worker: str) -> str:
        piece = self._pieces.get(worker)
        if piece is None:
            piece = self._pieces[worker] = f',"w":{dumps(worker)}'
        return piece
