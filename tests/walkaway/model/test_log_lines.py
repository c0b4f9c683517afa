"""Log lines of tests and services, in all their forms."""

from __future__ import annotations

import pytest

from walkaway.model import log_lines

ZERO_S = 1_795_342_530.0  # 2026-11-22T10:15:30Z
ALONE = (
    b'{"time": "2026-11-22T10:15:31.250Z", "level": "INFO", "service": "gateway", '
    b'"request_id": "wk-abc-1.2", "message": "GET /a: 200", "ms": 3.5}'
)


@pytest.mark.parametrize(
    "raw",
    [
        ALONE,
        b"gateway-1  | 2026-11-22T10:15:31.250000000Z " + ALONE,
        b"web-service-1 | 2026-11-22T10:15:31.250000000Z " + ALONE,
        b"\x1b[2Kgateway-1       | 2026-11-22T10:15:31.250000000Z " + ALONE,
        b"\x1b[36mgateway-1  | \x1b[0m2026-11-22T10:15:31.25Z " + ALONE,
        ALONE.replace(b'"2026-11-22T10:15:31.250Z"', b"1795342531.25"),
        ALONE.replace(b".250Z", b".250+00:00"),
    ],
)
def test_a_services_line_is_read_with_and_without_compose(raw: bytes) -> None:
    line = log_lines.of_service(raw, "wk-abc-", ZERO_S)
    assert line is not None
    assert (line.source, line.level, line.message) == ("gateway", "INFO", "GET /a: 200")
    assert (line.request_id, line.ms) == ("wk-abc-1.2", 3.5)
    assert line.at_s == pytest.approx(1.25)
    assert log_lines.time_of(raw) == pytest.approx(ZERO_S + 1.25)


def test_without_a_service_key_it_is_composes_name() -> None:
    raw = b'chat-service-1  | 2026-11-22T10:15:31Z {"request_id": "wk-abc-1.1", "message": "x"}'
    line = log_lines.of_service(raw, "wk-abc-", ZERO_S)
    assert line is not None
    assert line.source == "chat-service"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"db-1  | 2026-11-22T10:15:31.2Z LOG:  wk-abc-1.1",
        ALONE.replace(b"wk-abc", b"wk-xyz"),
        ALONE[:-5],
        b'["wk-abc-1.1"]',
        b'{"message": "wk-abc-1.1"}',
        b'{"request_id": 7}',
    ],
)
def test_other_lines_are_none_of_the_tests(raw: bytes) -> None:
    assert log_lines.of_service(raw, "wk-abc-", ZERO_S) is None
    assert log_lines.of_test(raw, "tests/a.py::test_b") is None


def test_a_line_without_a_time_has_none() -> None:
    assert log_lines.time_of(b"no time") is None
    assert log_lines.time_of(b'{"time": "yesterday"}') is None
    assert log_lines.time_of(b"") is None


def test_composes_lines_are_put_in_order() -> None:
    """Compose gives one container's after the other's; a traceback stays with its line."""
    text = (
        "b-1  | 2026-11-22T10:15:32.000000002Z two\n"
        "b-1  | 2026-11-22T10:15:34.1Z four\n"
        "a-1  | 2026-11-22T10:15:31.000000001Z one\n"
        "more of one\n"
        "a-1  | 2026-11-22T10:15:33.5Z three\n"
    )
    assert [line.split()[-1] for line in log_lines.in_order(text).splitlines()] == [
        *("one", "one", "two", "three", "four"),
    ]
