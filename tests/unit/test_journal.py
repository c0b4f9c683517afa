"""Request ids and lines of the log."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import pytest

from app.journal import REQUEST_ID, JsonLines, accepted_id, is_worth_a_line


@pytest.mark.parametrize("given", ["a", "run-1.test_2", "A" * 128, "0f56689ed38c444e"])
def test_an_id_of_the_callers_is_kept(given: str) -> None:
    assert accepted_id(given) == given


@pytest.mark.security
@pytest.mark.parametrize(
    "given", [None, "", "A" * 129, "two words", "line\nbreak", 'quote"', "ümlaut", "a\n"]
)
def test_what_is_no_id_is_replaced_by_a_new_one(given: str | None) -> None:
    first, second = accepted_id(given), accepted_id(given)
    assert first != second
    assert accepted_id(first) == first


def record(message: str, *args: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("app", logging.INFO, __file__, 1, message, args, None)
    vars(made).update(fields)
    return made


def test_a_line_says_when_who_and_for_which_request() -> None:
    token = REQUEST_ID.set("r-1")
    made = record("asked %s", "kb", method="GET", path="/x", status=200, ms=1.5, other="no")
    made.created = 1.25
    line = json.loads(JsonLines("gateway").format(made))
    REQUEST_ID.reset(token)
    assert line == {
        "time": "1970-01-01T00:00:01.250Z",
        "level": "INFO",
        "service": "gateway",
        "request_id": "r-1",
        "message": "asked kb",
        "method": "GET",
        "path": "/x",
        "status": 200,
        "ms": 1.5,
    }


@pytest.mark.security
def test_whatever_a_message_holds_it_is_one_line() -> None:
    text = JsonLines("kb").format(record("first\nsecond\u2028third"))
    assert len(text.split("\n")) == 1
    assert json.loads(text)["message"] == "first\nsecond\u2028third"


def test_an_exception_stands_in_its_line() -> None:
    made = record("not handled")
    try:
        int("why")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert "ValueError: invalid literal" in json.loads(JsonLines("kb").format(made))["exception"]


@pytest.mark.parametrize(
    ("error", "worth"), [(None, True), (ValueError(), True), (asyncio.CancelledError(), False)]
)
def test_what_is_cut_off_at_the_end_is_no_error(error: BaseException | None, worth: bool) -> None:  # noqa: FBT001 - a parameter
    made = record("x")
    made.exc_info = (type(error), error, None) if error else None
    assert is_worth_a_line(made) is worth
