"""Tests in flight: from start and reports to exactly one result each.

Knows the order in which pytest, xdist and rerunfailures report; must not know files.
"""

from json import dumps
from typing import Dict, List, Optional, Tuple

from pytest import TestReport

from . import reports
from .events import Events
from .failures import Failures
from .ids import Ids


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
        self.told: Optional[int] = None
        self.why: Optional[str] = None
        self.subfailed = 0
        self.saw = False


class Ledger:
    """Follows every test from its start to its result."""

    def __init__(self, events: Events, ids: Ids, failures: Failures) -> None:
        self._events = events
        self._ids = ids
        self._failures = failures
        #: By worker ("" when serial) and node id: --dist=each runs an id on every worker.
        self._flights: Dict[Tuple[str, str], Flight] = {}
        self._pieces: Dict[str, str] = {"": ""}

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

    def report(self, report: TestReport, worker: str = "") -> None:
        """Take in one report; the teardown's ends the test."""
        nodeid = report.nodeid
        when: str = report.when or ""
        if when == "???":
            self._crash(report, nodeid, worker)
            return
        flight = self._flights.get((worker, nodeid))
        if flight is None:
            flight = self._flights[worker, nodeid] = Flight(
                self.index(nodeid), self._events.now()
            )
        if report.outcome == "passed" and when != "call":
            if when == "setup":
                flight.setup = report.duration
                flight.saw = True
            else:
                self._finish(nodeid, worker, flight, report.duration)
            return
        if reports.is_subtest(report):
            self._subtest(report, flight)
        elif report.outcome not in {"passed", "failed", "skipped"}:
            flight.clear()
            if report.outcome == "rerun":
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

    def in_flight(self) -> List[List[object]]:
        """Return [index, worker or None, seconds of its start] of every test in flight."""
        return [
            [flight.index, worker or None, round(flight.since, 3)]
            for (worker, _), flight in self._flights.items()
        ]

    def _phase(self, report: TestReport, when: str, flight: Flight) -> None:
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
            if flight.result in {reports.FAILED, reports.ERROR}:
                return
            flight.told = told
        flight.result = result
        flight.why = reports.reason_of(report)

    def _finish(self, nodeid: str, worker: str, flight: Flight, teardown: float) -> None:
        result = flight.result or reports.PASSED
        if flight.subfailed and result == reports.PASSED:
            result = reports.FAILED
        del self._flights[worker, nodeid]
        self._events.finished(
            flight.index,
            result,
            flight.setup,
            flight.call,
            teardown,
            self._piece(worker),
            flight.told,
            flight.why,
        )

    def _subtest(self, report: TestReport, flight: Flight) -> None:
        if report.outcome != "failed":
            return
        flight.subfailed += 1
        counts = self._events.counts
        counts[reports.SUBFAILED] = counts.get(reports.SUBFAILED, 0) + 1
        told = self._tell(report, flight.index, reports.FAILED, "call")
        more = {} if told is None else {"x": told}
        name = reports.subtest_description(report)
        self._events.put("sub", i=flight.index, r=reports.FAILED, m=name, **more)

    def _crash(self, report: TestReport, nodeid: str, worker: str) -> None:
        flight = self._flights.get((worker, nodeid))
        if flight is None:  # the worker died between two tests
            flight = self._flights[worker, nodeid] = Flight(
                self.index(nodeid), self._events.now()
            )
        flight.result = reports.CRASHED
        flight.told = self._tell(report, flight.index, reports.CRASHED, "crash")
        self._finish(nodeid, worker, flight, 0.0)

    def _tell(self, report: TestReport, index: int, result: str, when: str) -> Optional[int]:
        head: Dict[str, object] = {"i": index, "id": report.nodeid, "r": result}
        now = round(self._events.now(), 3)
        return self._failures.put(head, when, report.longrepr, report.sections, t=now)

    def _piece(self, worker: str) -> str:
        piece = self._pieces.get(worker)
        if piece is None:
            piece = self._pieces[worker] = f',"w":{dumps(worker)}'
        return piece
