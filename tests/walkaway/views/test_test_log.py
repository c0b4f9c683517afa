"""What `log --test` shows, for each kind of reader."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.walkaway.views import golden, samples
from tests.walkaway.views.test_every_line import HOSTILE, UNSEEN
from walkaway.model.log_lines import Line
from walkaway.model.run_view import RunView
from walkaway.model.test_log import Execution, LogOfTest
from walkaway.views import test_log

ID = "wk-0123456789ab-1"
SAID = (
    Line(9.98, "test", "INFO", "made user kim-7f3a", "tests.fixtures", phase="setup"),
    Line(10.012, "test", "INFO", "sending hello", "shop.client", phase="call"),
    Line(10.021, "chat", "INFO", "POST /conversations: 201", request_id=f"{ID}.1", ms=3.21),
    Line(10.024, "gateway", "INFO", "POST /api/v1/chats: 201", request_id=f"{ID}.1", ms=8.0),
    Line(10.2, "chat", "WARNING", "slow reply", request_id=f"{ID}.2"),
    Line(
        10.3, "gateway", "ERROR", "not handled", request_id=f"{ID}.2",
        trace="Traceback (most recent call last):\n  File x\nKeyError: 'reply'\n",
    ),
    Line(10.31, "test", "INFO", "HTTP 500", "shop.client", f"{ID}.2", phase="call"),
    Line(10.4, "test", "INFO", "removed user kim-7f3a", "tests.fixtures", phase="teardown"),
)  # fmt: skip
FAILED = LogOfTest(samples.SLOW_TEST, (Execution(9.97, 10.42, "failed", "gw0"),), SAID)
PASSED = replace(FAILED, flights=(Execution(9.97, 10.42, "passed"),))
ENDED = samples.ENDINGS["failed"]
STORIES: dict[str, tuple[RunView, LogOfTest, int]] = {
    "failed": (ENDED, FAILED, 40),
    "few-lines": (ENDED, PASSED, 3),
    "quiet": (ENDED, LogOfTest(samples.QUICK_TEST, PASSED.flights), 40),
    "untraced": (
        ENDED,
        replace(
            FAILED,
            flights=(Execution(9.97, 10.42, "error"),),
            failures=(f"Failed: {samples.LEAK}", f"Failed: {samples.MANY_LINES}"),
            traced=False,
        ),
        40,
    ),
    "quiet-and-untraced": (
        ENDED,
        replace(FAILED, lines=(), failures=("Failed: no\n  why",), traced=False),
        40,
    ),
    "running": (samples.look(), replace(PASSED, flights=(Execution(9.97, 12.3),)), 40),
    "waiting": (samples.look(), LogOfTest(samples.QUICK_TEST), 40),
    "never-ended": (ENDED, replace(FAILED, flights=(Execution(9.97, 12.3),)), 40),
    "run-again": (
        ENDED,
        replace(
            PASSED,
            flights=(
                Execution(1.0, 2.0, "crashed", "gw0"),
                Execution(9.97, 10.42, "passed", "gw1"),
            ),
            lines=(*SAID[:2], replace(SAID[2], request_id="wk-0123456789ab-2.1")),
        ),
        40,
    ),
    "not-all-read": (
        ENDED,
        replace(FAILED, unread=("logs-gw0.jsonl: 12.1 MB of earlier lines", "the containers")),
        40,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told(name: str) -> None:
    look, told, most = STORIES[name]
    golden.check_lines(f"story/{name}", lambda style: test_log.lines(look, told, style, most))


def test_a_story_is_told_as_json() -> None:
    golden.check("story/failed.json", json.dumps(test_log.as_json(ENDED, FAILED), indent=1) + "\n")


@pytest.mark.parametrize("reader", golden.READERS)
def test_whatever_was_logged_is_one_safe_line(reader: str) -> None:
    style = golden.READERS[reader]
    line = Line(1.0, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, HOSTILE, 1.0)
    told = LogOfTest(
        HOSTILE, (Execution(0, 1, HOSTILE, HOSTILE),), (line,) * 5, (HOSTILE,), (HOSTILE,)
    )
    for row in test_log.lines(ENDED, told, style, 3):
        bare = row
        for code in ("1", "2", "32", "33", "1;31", "0"):
            bare = bare.replace(f"\x1b[{code}m", "") if style.terminal else bare
        assert not UNSEEN.search(bare), repr(row)
