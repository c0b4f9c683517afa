"""Runs stopped while xdist's workers run: every test that ran to its end has its result."""

from __future__ import annotations

import os
import signal

import pytest

from tests.walkaway.support.scratch import Live, Scratch, limits, modes, xdist
from tests.walkaway.support.waiting import wait_for
from walkaway.record import reader

MODES = modes("load", soak=["loadfile", "loadgroup", "worksteal"])

COUNTED = """
    import pathlib, time, pytest

    @pytest.fixture(scope="session", autouse=True)
    def counted():
        with open("ended", "a") as ended:
            yield ended
        with open("fixtures", "a") as fixtures:
            fixtures.write("x")

    @pytest.mark.parametrize("n", range(200))
    def test_n(n, counted, request):
        time.sleep({pause_s})
        counted.write(request.node.nodeid.partition("@")[0] + "\\n")
        counted.flush()
"""


def ended(scratch: Scratch) -> list[str]:
    """Return the tests that ran to their end, by their own account."""
    try:
        return (scratch.root / "ended").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def results(live: Live) -> list[str]:
    """Return the tests that have a result."""
    names = reader.ids(live.folder)
    return [names[event["i"]].partition("@")[0] for event in live.events("f")]


@pytest.mark.parametrize("mode", MODES)
def test_every_test_that_ran_to_its_end_has_its_result(scratch: Scratch, mode: str) -> None:
    for name in "ab":
        scratch.write(f"test_{name}.py", COUNTED.format(pause_s=0.05))
    live = scratch.start(*xdist(mode), limits=limits(grace_s=30))
    wait_for(lambda: len(ended(scratch)) > 9, "some tests")
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    ran = ended(scratch)
    assert sorted(results(live)) == sorted(ran)
    assert outcome["counts"] == {"passed": len(ran)}
    assert outcome["not_run"] == {"n": 400 - len(ran), "may_have_run": 0}
    assert (scratch.root / "fixtures").read_text() == "xx"


@pytest.mark.parametrize("mode", modes("load", soak=["loadfile"]))
def test_what_the_stop_found_in_flight_has_no_result_and_the_others_have_not_run(
    scratch: Scratch, mode: str
) -> None:
    scratch.write(
        "test_a.py",
        """
        import signal, time

        def test_stubborn():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            open("in", "w").close()
            while True:
                time.sleep(1)

        def test_behind(): pass
        """,
    )
    scratch.write("test_b.py", COUNTED.format(pause_s=0.05))
    live = scratch.start(*xdist(mode), limits=limits(grace_s=2))
    wait_for((scratch.root / "in").exists, "the stubborn test")
    wait_for(lambda: len(ended(scratch)) > 1, "some tests")
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    ran = ended(scratch)
    assert sorted(results(live)) == sorted(ran)
    assert outcome["not_run"] == {"n": 202 - len(ran), "may_have_run": 1}


def test_a_worker_that_cannot_be_heard_may_have_run_what_it_was_given(scratch: Scratch) -> None:
    scratch.write("test_a.py", COUNTED.format(pause_s=0.05))
    live = scratch.start(*xdist("load"), limits=limits(grace_s=2))
    wait_for(lambda: len(ended(scratch)) > 1, "some tests")
    (worker, *_) = [event["pid"] for event in live.events("wup")]
    os.kill(worker, signal.SIGSTOP)
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    without = outcome["not_run"]
    assert without["n"] == without["may_have_run"] == 200 - outcome["reported"]


def test_a_test_may_end_before_its_worker_does(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import time, pytest

        @pytest.mark.parametrize("n", range(6))
        def test_n(n):
            open(f"in-{n}", "w").close()
            time.sleep(1)
        """,
    )
    live = scratch.start(*xdist("load"), limits=limits(grace_s=30))
    wait_for(lambda: len(list(scratch.root.glob("in-*"))) == 2, "two tests")
    live.ask_to_stop()
    outcome = live.outcome()
    assert outcome["counts"] == {"passed": 2}
    assert outcome["not_run"] == {"n": 4, "may_have_run": 0}
