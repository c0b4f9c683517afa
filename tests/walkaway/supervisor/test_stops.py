"""Requests to end: stop.json, Ctrl-C at `test`, and signals to the supervisor."""

from __future__ import annotations

import signal

import pytest

from tests.walkaway.support.scratch import XDIST_MODES, Live, Scratch, limits, xdist
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table

ALL_MODES = ("serial", *XDIST_MODES)

WAITING = """
    import time, pytest

    def test_quick(): pass

    @pytest.fixture
    def database():
        yield
        open("closed", "w").close()

    def test_waiting(database):
        open("in", "w").close()
        time.sleep(600)

    def test_later(): pass
"""


def started(scratch: Scratch, mode: str = "serial", grace_s: float = 30) -> Live:
    scratch.write("test_a.py", WAITING)
    live = scratch.start(*xdist(mode), limits=limits(grace_s=grace_s))
    live.wait_in_flight(1)
    wait_for((scratch.root / "in").exists, "the waiting test to be past its fixture")
    return live


@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_stopped_run_says_so_and_ends_its_fixtures(scratch: Scratch, mode: str) -> None:
    # xdist's controller waits for its workers after INT, each of them in a test.
    live = started(scratch, mode, grace_s=30 if mode == "serial" else 3)
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    assert "a test" in outcome["rests_on"]
    assert outcome["not_run"]["n"] == 3 - outcome["reported"]
    assert outcome["lost"]["n"] == 0
    assert outcome["crashed"] == []
    if mode == "serial":
        assert (scratch.root / "closed").exists()


def test_ctrl_c_at_the_foreground_is_130(scratch: Scratch) -> None:
    live = started(scratch)
    live.ask_to_stop("interrupt")
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("interrupted", 130)


def test_a_stop_before_the_first_test_is_stopped(scratch: Scratch) -> None:
    scratch.write("conftest.py", "import time; time.sleep(600)\n")
    live = scratch.start()
    live.pytest()
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_supervisor_told_to_end_stops_the_run_in_good_order(
    scratch: Scratch, number: int
) -> None:
    live = started(scratch)
    live.kill_supervisor(number)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    assert signal.Signals(number).name in outcome["rests_on"]
    assert (scratch.root / "closed").exists()


def test_who_ends_all_of_a_run_at_once_has_stopped_it(scratch: Scratch) -> None:
    live = started(scratch)
    pid, ticks = live.pytest()
    with live.supervisor_held():  # it learns of both at once
        assert proc_table.send(*live.supervisor(), signal.SIGTERM)
        assert proc_table.send(pid, ticks, signal.SIGKILL)
        wait_for(lambda: not proc_table.alive(pid, ticks), "pytest to be gone")
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)


def test_a_hang_up_of_the_supervisor_changes_nothing(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import pathlib, time

        def test_waiting():
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
        """,
    )
    live = scratch.start()
    wait_for(lambda: live.events("s"), "the test")
    live.kill_supervisor(signal.SIGHUP)
    (scratch.root / "go").touch()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["supervised"]) == ("passed", True)


def test_a_second_reason_does_not_replace_the_first(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import signal, time

        def test_stubborn():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            open("in", "w").close()
            while True:
                time.sleep(1)
        """,
    )
    live = scratch.start(limits=limits(grace_s=1.5))
    wait_for((scratch.root / "in").exists, "the test")
    live.ask_to_stop()
    wait_for(lambda: live.journal("stop"), "the request to be heard")
    live.kill_supervisor(signal.SIGTERM)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    assert "a test" in outcome["rests_on"]
    assert len(live.journal("stop")) == 1


def test_a_stop_that_comes_when_all_is_done_does_not_hide_the_result(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    scratch.write(
        "conftest.py",
        """
        import atexit, pathlib, time

        def wait():
            pathlib.Path("done").touch()
            try:
                time.sleep(600)
            except KeyboardInterrupt:
                pass

        atexit.register(wait)
        """,
    )
    live = scratch.start(limits=limits(grace_s=30))
    wait_for((scratch.root / "done").exists, "pytest's end")
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert "had reported its end" in outcome["notes"][-1]


def test_a_process_that_does_not_end_after_its_tests_is_timed_out_with_a_note(
    scratch: Scratch,
) -> None:
    scratch.write(
        "test_a.py",
        """
        import signal, threading, time

        def test_a():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            threading.Thread(target=time.sleep, args=(600,)).start()
        """,
    )
    live = scratch.start(limits=limits(deadline_s=1, grace_s=0.5))
    with live.supervisor_held():
        wait_for(lambda: live.events("end"), "pytest's end")
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("timed-out", 124)
    assert outcome["counts"] == {"passed": 1}
    assert "every test had reported" in outcome["notes"][0]


def test_nothing_is_left_of_a_stopped_run(scratch: Scratch) -> None:
    live = started(scratch, "load", grace_s=0.2)
    workers = [event["pid"] for event in live.events("wup")]
    assert len(workers) == 2
    live.ask_to_stop()
    live.outcome()
    assert not [pid for pid in workers if proc_table.alive(pid, 0)]


@pytest.mark.parametrize("swallowers", [1, 2])
def test_int_is_sent_again_while_tests_still_come(scratch: Scratch, swallowers: int) -> None:
    scratch.write(
        "test_a.py",
        f"""
        import asyncio, time, pytest

        async def wait(n):
            try:
                open(f"in-{{n}}", "w").close()
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                pass

        @pytest.mark.parametrize("n", range({swallowers}))
        def test_that_handles_its_cancellation(n):
            asyncio.run(wait(n))

        @pytest.mark.parametrize("n", range(600))
        def test_after_it(n):
            time.sleep(0.1)
        """,
    )
    live = scratch.start(limits=limits(grace_s=5 * swallowers))
    wait_for((scratch.root / "in-0").exists, "the first test")
    live.ask_to_stop()
    if swallowers > 1:
        wait_for((scratch.root / "in-1").exists, "the second test")
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    assert set(outcome["counts"]) == {"passed"}
    signals = live.journal("signal")
    assert {event["sig"] for event in signals} == {"SIGINT"}
    assert len(signals) == 1 + swallowers
    assert outcome["reported"] < 100


def test_int_that_is_heard_is_sent_once(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import time, pytest

        @pytest.fixture(scope="module", autouse=True)
        def slow_to_end():
            yield
            time.sleep(3)
            open("closed", "w").close()

        @pytest.mark.parametrize("n", range(600))
        def test_n(n):
            time.sleep(0.1)
        """,
    )
    live = scratch.start(limits=limits(grace_s=30))
    live.wait_in_flight(3)
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    assert (scratch.root / "closed").exists()
    assert len(live.journal("signal")) == 1
