"""What a reader who pays for every byte is given: the budgets of the failures view."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.walkaway.views import samples
from tests.walkaway.views.golden import READERS
from walkaway.model import causes
from walkaway.model.events import Event
from walkaway.model.run_view import Counts
from walkaway.views import failures, verdict, waiting

LOOK = replace(samples.ENDINGS["failed"], counts=Counts(120, 120, {"error": 38, "passed": 82}))
LONG = "tests/integration/orders/test_refunds.py::TestPartialRefund::test_it"
FRAMES = "".join(
    f"app/layer_{n}/module.py:{n}: in function_{n}\n    return self.next_layer.call(argument_{n})\n"
    for n in range(30)
)
CASCADES: dict[str, dict[str, object]] = {
    "a refused connection": {},
    "a long message": {"msg": "the value is not what it should be " * 50},
    "a message of many lines": {
        "msg": "first\n" * 200,
        "text": FRAMES + "".join(f"E   line {n} of the difference\n" for n in range(50)),
    },
    "a message of many lines without a traceback": {
        "msg": "left 9 threads behind" + "\n  threads: Thread-2 (pump_the_well)" * 40,
        "text": "left 9 threads behind" + "\n  threads: Thread-2 (pump_the_well)" * 40,
    },
    "a deep traceback": {"text": FRAMES},
    "much output": {"out": [["Captured stdout call", "a line that was printed\n" * 500]]},
    "a deep place": {"at": f"{'deep/' * 40}module.py:3 in function", "text": ""},
    "nothing known": {"type": "", "msg": "", "at": "", "text": ""},
}


def size(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def of_one_cause(name: str, nodeid: str) -> list[Event]:
    return [
        entry | CASCADES[name] | {"id": f"{nodeid}[{n}-{'x' * 60}]"}
        for n, entry in enumerate(samples.cascade())
    ]


@pytest.mark.parametrize("reader", ["pipe", "agent"])
@pytest.mark.parametrize("name", CASCADES)
def test_a_cascade_of_38_failures_takes_500_bytes_at_most(name: str, reader: str) -> None:
    found = causes.group(of_one_cause(name, LONG))
    look = replace(LOOK, run=LOOK.run._replace(label="tests/integration -m 'not slow' " * 5))
    lines = failures.lines(look, found, READERS[reader], 38)
    assert size(lines) <= 500
    assert lines[0].startswith("38 failures, 1 cause  7f3a")
    assert lines[-2] == "  again: inv test-async --rerun 7f3a:1"
    assert any("more" in line for line in lines)


def test_the_plain_cascade_keeps_its_frames_and_three_ids() -> None:
    lines = failures.lines(LOOK, causes.group(samples.cascade()), READERS["agent"], 38)
    assert size(lines) <= 500
    assert "  app/db.py:41 in connect: return psycopg.connect(url, connect_timeout=3)" in lines
    ids = "tests/integration/test_orders.py::test_order_0 ::test_order_1 ::test_order_2 + 35 more"
    assert f"  {ids}" in lines


def test_the_verdict_of_a_cascade_takes_500_bytes_at_most() -> None:
    found = causes.group(samples.cascade())
    assert size(verdict.lines(LOOK, READERS["agent"], found)) <= 500


def test_an_agent_that_waits_is_told_of_a_cause_not_of_every_failure() -> None:
    entries = list(samples.cascade())
    told = [waiting.news(None, LOOK, [entry], READERS["agent"]) for entry in entries]
    assert [len(lines) for lines in told] == [1, 1, 1] + [0] * 35


def test_an_agent_gets_twelve_lines_of_a_traceback_at_most() -> None:
    details = "".join(f"E   line {n}\n" for n in range(40))
    entry = samples.entry("t.py::t", 0, type="E", msg="no", at="app/x.py:1", text=FRAMES + details)
    lines = failures.lines(LOOK, causes.group([entry]), READERS["agent"], 1)
    assert len(lines) <= 12 + 6
    assert (
        "  app/layer_29/module.py:29 in function_29: return self.next_layer.call(argument_29)"
        in (lines)
    )
