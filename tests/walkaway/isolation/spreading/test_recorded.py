"""Walkaway's own runs: its order, its second pass, its recorder; nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.scratch import Live, Scratch, xdist
from tests.walkaway.support.spread import MODES, Spread, Suite, read, thin

PARALLEL = """
    import time, pytest
    @pytest.mark.parametrize("n", range(8))
    def test_n(n): time.sleep(0.02)
    @pytest.mark.xdist_group("g")
    @pytest.mark.parametrize("n", range(4))
    def test_g(n): pass
"""
SERIAL = """
    import os, pytest
    pytestmark = pytest.mark.serial
    @pytest.mark.parametrize("n", range(3))
    def test_before(n): pass
    def test_between(): {}
    @pytest.mark.parametrize("n", range(3))
    def test_after(n): pass
"""
ALL = 19


def run(scratch: Scratch, between: str, *args: str) -> tuple[Live, dict[str, Any], Spread]:
    Suite(scratch.root).write(test_a=PARALLEL, test_s=SERIAL.format(between))
    live = scratch.start(*args, environ={"PYTHONPATH": str(REPOSITORY)})
    outcome = live.outcome()
    return live, outcome, Spread(outcome["code"], live.log(), *read(scratch.root / "diary.txt"))


@pytest.mark.parametrize("mode", MODES)
def test_the_recorder_sees_every_test_with_its_worker(scratch: Scratch, mode: str) -> None:
    live, outcome, told = run(scratch, "pass", *xdist(mode))
    assert (outcome["outcome"], outcome["counts"]) == ("passed", {"passed": ALL}), live.described()
    assert outcome["passes"] == 1
    told.assert_alone()
    workers = {event["i"]: event["w"] for event in live.events("f")}
    assert len(workers) == ALL
    assert sorted(workers.values()) == sorted(turn.worker for turn in told.turns)


@pytest.mark.parametrize("mode", thin(MODES, usual={"load", "loadscope"}.__contains__))
def test_the_second_pass_runs_what_a_crash_has_left(scratch: Scratch, mode: str) -> None:
    live, outcome, told = run(scratch, "os._exit(1)", *xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1), live.described()
    assert outcome["counts"] == {"passed": ALL - 1, "crashed": 1}
    assert outcome["lost"]["n"] == outcome["not_run"]["n"] == 0
    assert outcome["passes"] == 2
    assert set(told.counts.values()) == {1}
    told.assert_alone()


@pytest.mark.parametrize("mode", thin(MODES, usual={"load", "loadscope"}.__contains__))
def test_the_second_pass_too_runs_serial_tests_last(scratch: Scratch, mode: str) -> None:
    crash = "os._exit(1)"
    Suite(scratch.root).write(
        test_a=PARALLEL + "    def test_dead(): import os; os._exit(1)\n",
        test_s=SERIAL.format(crash),
    )
    live = scratch.start(*xdist(mode), environ={"PYTHONPATH": str(REPOSITORY)})
    outcome = live.outcome()
    assert outcome["counts"] == {"passed": ALL - 1, "crashed": 2}, live.described()
    assert outcome["lost"]["n"] == outcome["not_run"]["n"] == 0
    told = Spread(1, live.log(), *read(scratch.root / "diary.txt"))
    assert set(told.counts.values()) == {1}
    # Within each pass: a serial test overlaps with nothing.
    for serial in told.serial:
        for turn in told.turns:
            if turn is not serial:
                apart = (turn.end or turn.start) <= serial.start or (
                    turn.start >= (serial.end or serial.start)
                )
                assert apart, (serial, turn)
