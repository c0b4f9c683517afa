"""A test's log, from records that are torn, shared, incomplete or empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.walkaway.views import samples
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes, test_key
from walkaway.model.run import to_json
from walkaway.model.test_log import LogOfTest
from walkaway.record.store import Record
from walkaway.runs import test_log

ONE, TWO = "tests/a.py::test_one", "tests/a.py::test_two"
CREATED_S = samples.RUN.created_s


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """A record of two tests, of which the first was at work from second 10 to 11."""
    record = Record(tmp_path / "test-run-20261122-101530-7f3a")
    record.folder.mkdir()
    record.path("run.json").write_text(json.dumps(to_json(samples.RUN)))
    record.path("collected.txt").write_text(f"{ONE}\n{TWO}\n")
    append_events(record, s(10, 0), f(11, 0), s(11, 1))
    return record


def s(at: float, index: int, **more: object) -> dict[str, object]:
    return {"e": "s", "t": at, "i": index, **more}


def f(at: float, index: int, **more: object) -> dict[str, object]:
    return {"e": "f", "t": at, "i": index, "r": "passed", "d": [1, 2, 3], **more}


def append_events(record: Record, *rows: dict[str, object]) -> None:
    with record.path("events.jsonl").open("a") as file:
        file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def log(record: Record, worker: str, *rows: tuple[str, str, float, str]) -> None:
    """Write a worker's lines: (node id of the entry, of the line, time, message)."""
    entries, lines, last = b"", b"", ""
    for entry, nodeid, at, message in rows:
        if entry != last:
            entries += test_key.ENTRY.pack(test_key.mark(entry), len(lines))
            last = entry
        lines += json.dumps({"t": at, "node": nodeid, "message": message}).encode() + b"\n"
    record.path(f"logs-{worker}.jsonl").write_bytes(lines)
    record.path(f"logs-{worker}.idx").write_bytes(entries)


def service(at: float, nodeid: str, message: str) -> str:
    row = {
        "time": CREATED_S + at,
        "service": "gateway",
        "request_id": f"{test_key.key(samples.RUN.id, nodeid, 1)}.1",
        "message": message,
    }
    return json.dumps(row) + "\n"


def messages(found: LogOfTest) -> list[str]:
    return [line.message for line in found.lines]


def test_only_its_own_lines_are_told(record: Record) -> None:
    """Also where another test has the same hash, or a late child wrote into its slice."""
    rows = ((ONE, ONE, 10.1, "a"), (ONE, TWO, 10.2, "of another"), (TWO, TWO, 11.1, "b"))
    log(record, "main", *rows, (ONE, ONE, 12.0, "again"))
    assert messages(test_log.read(record, ONE, 20.0)) == ["a", "again"]
    assert messages(test_log.read(record, TWO, 20.0)) == ["b"]


def test_no_line_of_its_own_is_before_its_start_or_after_its_end(record: Record) -> None:
    """Events are told in milliseconds, lines in microseconds."""
    log(record, "main", (ONE, ONE, 9.9996, "a"), (ONE, ONE, 11.0004, "b"), (ONE, ONE, 12.0, "late"))
    (flight,) = test_log.read(record, ONE, 20.0).flights
    assert (flight.since_s, flight.until_s) == (9.9996, 11.0004)


def test_a_test_that_every_worker_ran_is_told_of_all(record: Record) -> None:
    append_events(record, s(12, 0, w="gw1"), s(12.1, 0, w="gw0"), f(13, 0, w="gw0", r="failed"))
    log(record, "gw0", (ONE, ONE, 12.5, "of gw0"))
    log(record, "gw1", (ONE, ONE, 12.4, "of gw1"))
    found = test_log.read(record, ONE, 20.0)
    assert messages(found) == ["of gw1", "of gw0"]
    told = [(one.worker, one.result, one.since_s, one.until_s) for one in found.flights]
    assert told == [("", "passed", 10, 11), ("gw0", "failed", 12.1, 13), ("gw1", "", 12, 20.0)]


def test_a_torn_index_and_torn_lines_cost_no_more_than_themselves(record: Record) -> None:
    log(record, "main", (ONE, ONE, 10.1, "a"), (TWO, TWO, 11.1, "b"))
    with record.path("logs-main.idx").open("ab") as file:
        file.write(test_key.mark(ONE) + b"\1")
    with record.path("logs-main.jsonl").open("ab") as file:
        file.write(b'{"t": 12, "node": "tests/')
    assert messages(test_log.read(record, ONE, 20.0)) == ["a"]
    assert messages(test_log.read(record, TWO, 20.0)) == ["b"]
    record.path("logs-main.idx").unlink()
    assert messages(test_log.read(record, ONE, 20.0)) == []


def test_events_that_are_torn_or_others_are_not_taken_for_its_own(record: Record) -> None:
    with record.path("events.jsonl").open("ab") as file:
        file.write(
            b'{"e":"s","t":1,"i":0\n{"e":"wn","t":2,"m":"\\"i\\":0,","i":10}\n{"e":"f","i":0'
        )
    assert len(test_log.read(record, ONE, 20.0).flights) == 1


def test_events_are_found_across_blocks(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_log, "_BLOCK_BYTES", 7)
    assert [(one.since_s, one.until_s) for one in test_log.read(record, ONE, 20.0).flights] == [
        (10, 11)
    ]


def test_containers_are_asked_about_its_time_while_there_is_no_log(record: Record) -> None:
    asked: list[tuple[float, float]] = []

    def live(since: float, until: float) -> str:
        asked.append((since - CREATED_S, until - CREATED_S))
        return service(10.5, ONE, "hers") + service(10.6, TWO, "not hers") + "noise\n"

    assert messages(test_log.read(record, ONE, 20.0, live)) == ["hers"]
    ((since, until),) = asked
    assert since == pytest.approx(10 - test_log.BEFORE_S)
    assert until == pytest.approx(11 + test_log.AFTER_S)
    record.path(test_log.SERVICES).write_text(service(10.4, ONE, "kept"))
    assert messages(test_log.read(record, ONE, 20.0, live)) == ["kept"]
    assert len(asked) == 1


def test_an_engine_that_does_not_answer_is_named(record: Record) -> None:
    def live(since: float, until: float) -> str:
        del since, until
        raise WalkawayError("`docker compose` has not answered.\nMore.", exit_codes.NOT_STARTABLE)

    log(record, "main", (ONE, ONE, 10.1, "a"))
    found = test_log.read(record, ONE, 20.0, live)
    assert messages(found) == ["a"]
    assert found.unread == ("the services' containers: `docker compose` has not answered.",)


def test_too_much_in_its_time_is_said(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_log, "SERVICES_BYTES", 4 << 20)
    lines = service(10.4, ONE, "first") + service(10.5, TWO, "x" * 1000) * 6000
    record.path(test_log.SERVICES).write_text(lines + service(10.6, ONE, "last"))
    found = test_log.read(record, ONE, 20.0)
    assert messages(found) == ["first"]
    assert found.unread == ("services.log: more than 4 MB in the test's time",)


def test_a_test_that_never_ran_has_no_story(record: Record) -> None:
    record.path("events.jsonl").write_text("")
    found = test_log.read(record, TWO, 20.0)
    assert (found.flights, found.lines, found.result) == ((), (), "")
