"""Limits: deadline, stall, output and disk; each names the limit and the stuck tests."""

from __future__ import annotations

import pytest

from tests.walkaway.support.scratch import Live, Scratch, limits, modes, xdist
from tests.walkaway.support.waiting import wait_for

MODES = modes("serial", "load", soak=["loadfile", "loadgroup"])
MB = 1024 * 1024

STUCK = """
    import time

    def test_quick(): pass

    def wait_for_nothing():
        open("stuck", "w").close()
        time.sleep(600)

    def test_stuck():
        wait_for_nothing()

    def test_later(): pass
"""


def hold_until_stuck(scratch: Scratch, live: Live) -> None:
    with live.supervisor_held():
        wait_for((scratch.root / "stuck").exists, "the stuck test")
        live.wait_in_flight(1)


@pytest.mark.parametrize("mode", MODES)
def test_the_deadline_names_the_stuck_test_and_where_it_hangs(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", STUCK)
    live = scratch.start(*xdist(mode, 1), limits=limits(deadline_s=1))
    hold_until_stuck(scratch, live)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("timed-out", 124)
    assert "deadline of 1 s" in outcome["rests_on"]
    (stuck,) = outcome["stuck"]
    assert stuck["id"] == "test_a.py::test_stuck"
    assert "wait_for_nothing" in stuck["stack"][0]
    assert "test_stuck" in stuck["stack"][1]
    assert stuck["worker"].startswith("" if mode == "serial" else "gw")
    assert stuck["for_s"] >= 0
    assert outcome["lost"] == {"n": 0, "ids": []}
    assert outcome["not_run"]["n"] == 3 - outcome["reported"] > 0


def test_the_deadline_holds_while_tests_are_collected(scratch: Scratch) -> None:
    scratch.write("test_a.py", "import time; time.sleep(600)\n")
    outcome = scratch.run(limits=limits(deadline_s=1))
    assert (outcome["outcome"], outcome["code"]) == ("timed-out", 124)
    assert outcome["stuck"] == []


def test_the_deadline_holds_for_a_command_that_never_becomes_pytest(scratch: Scratch) -> None:
    outcome = scratch.run(argv=("/bin/sleep", "600"), limits=limits(deadline_s=0.5, grace_s=0.2))
    assert (outcome["outcome"], outcome["code"]) == ("timed-out", 124)


def test_the_deadline_ends_a_test_that_ignores_every_signal_but_the_last(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import signal, time

        def test_stubborn():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            open("deaf", "w").close()
            while True:
                time.sleep(1)
        """,
    )
    live = scratch.start(limits=limits(deadline_s=1, grace_s=0.2))
    with live.supervisor_held():
        wait_for((scratch.root / "deaf").exists, "the test")
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("timed-out", 124)
    assert [e["sig"] for e in live.journal("signal")][:3] == ["SIGINT", "SIGTERM", "SIGKILL"]


def test_pytest_below_a_wrapper_is_told_to_end_by_itself(scratch: Scratch) -> None:
    from tests.walkaway.support.scratch import PYTEST
    from walkaway.runs import command

    scratch.write("test_a.py", STUCK)
    shell = ("/bin/sh", "-c", '"$@"; exit $?', "sh", *command.build(PYTEST, (), ()))
    live = scratch.start(argv=shell, limits=limits(deadline_s=1, grace_s=30))
    live.hold_until_in_flight(1)
    outcome = live.outcome()
    assert outcome["outcome"] == "timed-out"
    assert [e["sig"] for e in live.journal("signal")] == ["SIGINT"]
    assert [e["exit"] for e in live.events("end")] == [2]


@pytest.mark.parametrize("mode", MODES)
def test_an_idle_silence_is_a_stall_with_the_stuck_test_and_its_stack(
    scratch: Scratch, mode: str
) -> None:
    scratch.write("test_a.py", STUCK)
    live = scratch.start(*xdist(mode, 1), limits=limits(stall_s=1))
    hold_until_stuck(scratch, live)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stalled", 124)
    assert "idle tree" in outcome["rests_on"]
    (stuck,) = outcome["stuck"]
    assert stuck["id"] == "test_a.py::test_stuck"
    assert "wait_for_nothing" in stuck["stack"][0]


BUSY = """
    import time

    def test_busy():
        end = time.monotonic() + 600
        while time.monotonic() < end:
            sum(range(10_000))
"""


@pytest.mark.parametrize("mode", modes("serial", soak=["load"]))
def test_a_busy_silence_is_told_and_only_the_deadline_ends_it(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", BUSY)
    live = scratch.start(*xdist(mode), limits=limits(stall_s=1, deadline_s=3))
    live.hold_until_in_flight(0)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("timed-out", 124)


def test_a_child_that_works_for_a_silent_test_keeps_it_from_being_stalled(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import subprocess, sys

        def test_compile():
            code = "import time; e = time.monotonic() + 2.5\\nwhile time.monotonic() < e: pass"
            subprocess.run([sys.executable, "-c", code], check=True)
        """,
    )
    live = scratch.start(limits=limits(stall_s=1))
    live.hold_until_in_flight(0)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)


def test_a_test_known_to_be_slow_is_not_stalled_for_three_times_its_usual_time(
    scratch: Scratch,
) -> None:
    scratch.write("test_a.py", "import time\ndef test_slow(): time.sleep(1)\n")
    assert scratch.run()["outcome"] == "passed"
    scratch.write("test_a.py", "import time\ndef test_slow(): time.sleep(2)\n")
    live = scratch.start(limits=limits(stall_s=1))
    live.hold_until_in_flight(0)
    assert live.outcome()["outcome"] == "passed"


FLOOD = """
    def test_flood():
        while True:
            print("x" * 1000)
"""


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_a_flood_into_pytests_capture_is_an_output_limit(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", FLOOD)
    live = scratch.start(*xdist(mode, 1), limits=limits(capture_bytes=5 * MB))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("output-limit", 124)
    assert "capture" in outcome["rests_on"]
    assert [stuck["id"] for stuck in outcome["stuck"]] == ["test_a.py::test_flood"]


def test_a_flood_into_the_log_is_an_output_limit(scratch: Scratch) -> None:
    scratch.write("test_a.py", FLOOD)
    outcome = scratch.run("-s", limits=limits(output_bytes=20 * MB))
    assert (outcome["outcome"], outcome["code"]) == ("output-limit", 124)
    assert "the log reached" in outcome["rests_on"]


def test_a_huge_log_keeps_head_and_tail_and_gives_the_middle_back(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import time

        def test_loud():
            for n in range(60):
                print("line", n, "x" * (1 << 20))
                time.sleep(0.02)
        """,
    )
    live = scratch.start("-s", limits=limits(log_head_bytes=MB, log_tail_bytes=4 * MB))
    outcome = live.outcome()
    status = live.record.log.stat()
    with live.record.log.open("rb") as file:
        assert b"test session starts" in file.read(1000)
        file.seek(status.st_size - 3 * MB)
        assert b"1 passed" in file.read()
    assert outcome["outcome"] == "passed"
    assert status.st_size > 60 * MB
    assert status.st_blocks * 512 < 45 * MB


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_ctrl_c_from_outside_is_interrupted(scratch: Scratch, mode: str) -> None:
    import signal

    from walkaway.process import proc_table

    scratch.write("test_a.py", STUCK)
    live = scratch.start(*xdist(mode, 1))
    live.wait_in_flight(1)
    assert proc_table.send(*live.pytest(), signal.SIGINT)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("interrupted", 2)
    assert outcome["not_run"]["n"] == 3 - outcome["reported"]
    assert outcome["lost"]["n"] == 0
