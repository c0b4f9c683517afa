"""Turn each test's start and reports into exactly one result.

Knows the order in which pytest, xdist and rerun plugins report, and the events of a test; must not
know other events. The last attempt decides: reports from before a rerun stay in the record but are
no result.

This is the hot path: its two hooks are called four times per test. They are written out in full,
because a helper, a guard object or an f-string with a call would cost a microsecond each.

An error of ours must never improve a test's result. So a result is set before anything is done with
it, and a report that could not be processed spoils its test: a failure stays a failure, anything
else gets no result, and the run owes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from walkaway_recorder import event_kinds, failure_text, reports
from walkaway_recorder.guard import Exit, Foreign
from walkaway_recorder.json_lines import text_to_json
from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.events import Events
    from walkaway_recorder.failures import Failures
    from walkaway_recorder.node_ids import Ids
    from walkaway_recorder.xdist import Workers

keep_builtins(globals())

#: The phase that xdist and pytest-forked report for a test whose process died.
_DEAD = "???"
_Report = pytest.TestReport
_FAILURES = frozenset({reports.FAILED, reports.ERROR, reports.CRASHED})


class Flight:
    """A test that has started and not finished. Times are in seconds."""

    setup = 0.0
    call = 0.0
    result = ""
    #: True once the report of the call phase came.
    called = False
    #: True from a failed attempt to the setup of the next one.
    again = False
    #: True once an attempt ended without a reported result: another one may follow.
    withheld = False
    #: A plugin's own outcome word for this attempt, and the result that its report implies.
    odd = ""
    odd_result = reports.UNKNOWN
    #: The failed subtests' lines in failures.jsonl; -1 for a line that was dropped.
    subtests: tuple[int, ...] = ()
    #: The failure's line in failures.jsonl.
    failure_line: int | None = None
    #: The reason of a skip or an expected failure.
    why: str | None = None

    def __init__(self, index: int, since: float) -> None:
        self.index = index
        self.since = since


class Ledger:
    """Follows every test from its start to its result."""

    def __init__(self, events: Events, ids: Ids, failures: Failures, workers: Workers) -> None:
        self._events = events
        self._clock = events.clock
        self._epoch = events.epoch
        self._put = events.file.put_result
        self._put_next = events.file.put_next
        self._ids = ids
        self._number = ids.number
        self._failures = failures
        self._workers = workers
        #: By worker ("" when serial) and node id: --dist=each runs each id on every worker.
        self._flights: dict[tuple[str, str], Flight] = {}
        self._pieces: dict[str, bytes] = {"": b""}
        #: By node id: the best result a test can have after an error of ours, "" for none.
        self._spoilt: dict[str, str] = {}
        #: True once an error hid which test a report belonged to: nothing can pass any more.
        self._blind = False

    # -- hooks

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        try:
            worker = self._workers.starting
            if not worker and self._workers.forked:
                return  # it began long ago: see `begin`
            if self._flights and self._still_flying(worker, nodeid):
                return
            index = self._number.get(nodeid)
            if index is None:
                index = self._new(nodeid)
            since = self._clock() - self._epoch
            self._flights[worker, nodeid] = Flight(index, since)
            piece = self._pieces[worker] if worker in self._pieces else self._piece(worker)
            self._put_next(b'{"e":"s","t":%.3f,"i":%d%b}\n' % (since, index, piece))
        except Exit:
            raise
        except Exception as error:
            self._events.note(error)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Foreign) -> None:
        try:
            worker = self._workers.of(report) if self._workers.on else ""
            nodeid = report.nodeid
            flight = self._flights.get((worker, nodeid))
            if flight is None:
                flight = Flight(self._new(nodeid), self._events.now())
                self._flights[worker, nodeid] = flight
            when = report.when
            if report.outcome == "passed" and "wasxfail" not in report.__dict__:
                if when == "setup":
                    flight.setup = report.duration
                    flight.again = False
                    return
                if when == "teardown":
                    if not flight.called and self._goes_on(flight):
                        return
                    properties = report.__dict__.get("user_properties")
                    self._finish(nodeid, worker, flight, report.duration, properties)
                    return
                if when == "call" and not flight.odd and type(report) is _Report:
                    flight.called = True
                    flight.call = report.duration
                    return
            self._take(report, flight, nodeid, worker)
        except Exit:
            raise
        except Exception as error:
            self._spoil(report)
            self._events.note(error)

    # -- for other parts of the recorder

    def begin(self, nodeid: str, worker: str) -> None:
        """Note that a forked worker has begun a test."""
        self._workers.starting = worker
        try:
            self.pytest_runtest_logstart(nodeid)
        finally:
            self._workers.starting = ""

    def in_flight(self) -> list[list[object]]:
        """Return [index, worker or None, start in seconds] for every test in flight."""
        return [
            [flight.index, worker or None, round(flight.since, 3)]
            for (worker, _), flight in self._flights.items()
        ]

    def close(self, *, in_order: bool) -> None:
        """End the tests that reported but had no teardown, at the end of the session.

        `in_order`: the session was not cut off.
        """
        self._still_flying("", "")
        for (worker, nodeid), flight in list(self._flights.items()):
            # No teardown was reported. A failure counts in any case. A pass would be a guess if the
            # session was cut off; otherwise a plugin's protocol just does not report teardowns.
            reported = (
                flight.result in _FAILURES or flight.subtests or flight.odd or flight.withheld
            )
            if reported or (in_order and (flight.called or flight.result)):
                self._finish(nodeid, worker, flight, 0.0)

    # -- internals

    def _new(self, nodeid: str) -> int:
        """Return the id's number; an id that a plugin made up later gets the next number."""
        if nodeid not in self._number:
            self._ids.add((nodeid,))
        return self._number[nodeid]

    def _still_flying(self, worker: str, nodeid: str) -> bool:
        """Return whether this is another attempt of a test in flight.

        Also ends the worker's earlier test if it had no teardown: a plugin with its own protocol
        may report the call only.
        """
        for other, flight in list(self._flights.items()):
            if other[0] != worker:
                continue
            if other[1] == nodeid:
                if flight.again:
                    return True
                if flight.withheld:
                    self._next_attempt(flight, nodeid, worker, flight.odd_result)
                    return True
            reported = flight.called or flight.result or flight.odd or flight.withheld
            if reported or other[1] in self._spoilt:
                try:
                    self._finish(other[1], worker, flight, 0.0)
                finally:  # never try twice
                    self._flights.pop(other, None)
        return (worker, nodeid) in self._flights

    def _goes_on(self, flight: Flight) -> bool:
        """Return, at a teardown, whether another attempt follows or may follow this one."""
        if flight.again:
            return True
        flight.withheld = not (flight.called or flight.result or flight.subtests)
        return flight.withheld

    def _next_attempt(self, flight: Flight, nodeid: str, worker: str, result: str) -> Flight:
        """Record that an attempt with this result does not decide; return the test's next one.

        Whatever pytest still counts as a failure stays one.
        """
        more: dict[str, object] = {"w": worker} if worker else {}
        following = Flight(flight.index, flight.since)
        if flight.result in _FAILURES:
            following.result, following.failure_line = flight.result, flight.failure_line
        if (
            flight.again
            and flight.subtests
            and reports.reruns_heal_subtests(workers=self._workers.on)
        ):
            more["sub"] = len(flight.subtests)
            self._events.count(reports.SUBFAILED, -len(flight.subtests))
            lines = [line for line in flight.subtests if line >= 0]
            self._failures.take_back(flight.index, lines)
        else:
            following.subtests = flight.subtests
            following.failure_line = (
                flight.failure_line if flight.subtests else following.failure_line
            )
        self._events.put(event_kinds.ATTEMPT_RERUN, i=flight.index, r=result, **more)
        self._flights[worker, nodeid] = following
        return following

    def _spoil(self, report: Foreign) -> None:
        """Limit a test's result after an error of ours in processing its report."""
        try:
            nodeid, result = report.nodeid, self._spoilt.get(report.nodeid, "")
            if not result and report.outcome == "failed":
                result = reports.FAILED if report.when == "call" else reports.ERROR
            self._spoilt[nodeid] = result
        except Exception:
            self._blind = True

    def _at_best(self, nodeid: str, result: str) -> str:
        """Return a test's result with regard to errors of ours; "" for none."""
        if result in _FAILURES:
            return result
        if nodeid in self._spoilt:
            return self._spoilt[nodeid]
        return "" if self._blind else result

    def _take(self, report: Foreign, flight: Flight, nodeid: str, worker: str) -> None:
        """Process a report that is not simply "passed"."""
        when: str = report.when
        if reports.is_subtest(report):
            self._take_subtest(report, flight)
            return
        if report.outcome == reports.RERUN:
            self._take_rerun(report, when, flight, nodeid, worker)
            return
        if when != "teardown":
            flight.again = False
            if flight.odd:
                flight = self._next_attempt(flight, nodeid, worker, flight.odd_result)
        elif self._goes_on(flight) and report.outcome != "failed":
            return
        if report.outcome in reports.OUTCOMES:
            self._take_phase(report, when, flight)
        else:
            self._take_odd(report, when, flight)
        if when == _DEAD or (when == "teardown" and not flight.again and not flight.withheld):
            properties = report.__dict__.get("user_properties")
            self._finish(nodeid, worker, flight, report.duration or 0.0, properties)

    def _take_rerun(
        self, report: Foreign, when: str, flight: Flight, nodeid: str, worker: str
    ) -> None:
        """Process a failure in an attempt that will be rerun (pytest-rerunfailures)."""
        result = reports.failure_in(when)
        if report.longrepr is not None:
            self._store_failure(report, flight.index, result, when, again=True)
        if not flight.again:
            flight.again = True
            self._next_attempt(flight, nodeid, worker, result).again = True
        if when == _DEAD:  # the next attempt runs on another worker
            del self._flights[worker, nodeid]

    def _take_odd(self, report: Foreign, when: str, flight: Flight) -> None:
        """Process an outcome that is a plugin's own word, such as `retried`."""
        flight.odd = str(report.outcome)[:40] or "?"
        if report.longrepr:
            flight.odd_result = reports.failure_in(when)
            self._store_failure(report, flight.index, reports.UNKNOWN, when, again=True)

    def _take_phase(self, report: Foreign, when: str, flight: Flight) -> None:
        result = reports.result_of(report)
        if when == "call":
            flight.called = True
        passes = result == reports.PASSED or (when == "teardown" and report.outcome == "skipped")
        # Set it before anything that can raise; a failure stays a failure.
        counts = flight.result not in _FAILURES or result == reports.CRASHED
        if counts and not passes:
            flight.result = result
        if when == "setup":
            flight.setup = report.duration
        elif when == "call":
            flight.call = report.duration
        if passes:
            return
        subtests_only = flight.subtests and reports.only_counts_subtests(report)
        if report.outcome == "failed" and not subtests_only:
            line = self._store_failure(report, flight.index, result, when)
            if flight.failure_line is None:
                flight.failure_line = line
        if counts:
            flight.why = reports.reason_of(report)

    def _take_subtest(self, report: Foreign, flight: Flight) -> None:
        if report.outcome != "failed":
            return
        self._events.count(reports.SUBFAILED)
        line = self._store_failure(report, flight.index, reports.FAILED, "call")
        flight.subtests += (-1 if line is None else line,)
        if flight.failure_line is None:
            flight.failure_line = line
        more = {} if line is None else {"x": line}
        name = reports.subtest_description(report)
        self._events.put(
            event_kinds.SUBTEST_FAILED, i=flight.index, r=reports.FAILED, m=name, **more
        )

    def _finish(
        self, nodeid: str, worker: str, flight: Flight, teardown: float, properties: Foreign = None
    ) -> None:
        result = flight.result
        if flight.subtests and result not in _FAILURES:
            result = reports.FAILED
        elif flight.odd and result not in _FAILURES:
            result = reports.UNKNOWN
            flight.why = f"a plugin's outcome: {flight.odd}"
        elif not result:
            result = reports.PASSED if flight.called else reports.UNKNOWN
            if not flight.called:
                flight.why = "its call was never reported"
        if self._spoilt or self._blind:
            result = self._at_best(nodeid, result)
            if not result:
                del self._flights[worker, nodeid]
                self._events.put(
                    event_kinds.RESULT_UNKNOWN, i=flight.index, **({"w": worker} if worker else {})
                )
                return
        more = self._pieces[worker] if worker in self._pieces else self._piece(worker)
        if flight.failure_line is not None:
            more += b',"x":%d' % flight.failure_line
        if flight.why or properties:
            more += self._why_and_memory(flight, properties)
        try:
            times = b"%.2f,%.2f,%.2f" % (flight.setup * 1000, flight.call * 1000, teardown * 1000)
        except Exception:  # a plugin's report whose duration is not a number
            times = b"0,0,0"
        now = self._clock() - self._epoch
        self._put(
            b'{"e":"f","t":%.3f,"i":%d,"r":"%b","d":[%b]%b}\n'
            % (now, flight.index, result.encode(), times, more)
        )
        del self._flights[worker, nodeid]
        self._events.finished(result)

    def _why_and_memory(self, flight: Flight, properties: Foreign) -> bytes:
        more = b""
        try:
            if flight.why:
                more = b',"m":' + text_to_json(flight.why)
            memory = reports.memory_of(properties) if properties else None
            if memory is not None:
                more += b',"mem":[%d,%d]' % memory
        except Exit:
            raise
        except Exception as error:  # the result counts without it
            self._events.note(error)
        return more

    def _store_failure(
        self, report: Foreign, index: int, result: str, when: str, *, again: bool = False
    ) -> int | None:
        """Write the text of a failure; return its line, or None when that failed."""
        try:
            head: dict[str, object] = {"i": index, "id": report.nodeid, "r": result}
            return self._failures.put(
                head,
                "crash" if when == _DEAD else when,
                report.longrepr,
                report.sections,
                place=_place(report),
                again=again,
                t=round(self._events.now(), 3),
            )
        except Exit:
            raise
        except Exception as error:  # the result counts without its text
            self._events.note(error)
            return None

    def _piece(self, worker: str) -> bytes:
        piece = self._pieces[worker] = b',"w":' + text_to_json(worker)
        return piece


def _place(report: Foreign) -> failure_text.Frame:
    path, line, name = report.location
    if name == path:  # all that xdist knows about a test whose worker died
        name = report.nodeid.partition("::")[2] or name
    return failure_text.Frame(str(path), 0 if line is None else line + 1, str(name))
