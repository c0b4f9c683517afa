"""A process that does not exit after pytest's end is named and ended; the verdict is unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from tests.walkaway.support.scratch import Live, Scratch, limits, xdist
from tests.walkaway.support.waiting import wait_for
from walkaway import text as style
from walkaway.runs import status
from walkaway.views import progress

THREAD = """
    import threading, time

    def pump():
        while True:
            time.sleep(0.1)

    def test_a():
        threading.Thread(target=pump).start()
"""


def told(scratch: Scratch, live: Live, part: str) -> str:
    """Return what `progress` says of the living run, once it says this."""

    def said() -> str:
        look = status.look(scratch.records, live.record)
        assert look.live
        text = "\n".join(progress.lines(look, style.Style(width=300)))
        return text if part in text else ""

    return wait_for(said, f"{part}\n{live.described()}")


def stacks(outcome: dict[str, Any]) -> str:
    """Return the note on what held the process open."""
    (note,) = [note for note in outcome["notes"] if "stayed open" in note]
    return str(note)


def test_progress_names_the_thread_and_where_it_was_started(scratch: Scratch) -> None:
    scratch.write("tests/test_a.py", THREAD)
    live = scratch.start(limits=limits(linger_s=600))
    said = told(scratch, live, "Thread-1 (pump) started in tests/test_a.py:9\n")
    assert "pytest is done, its process is still open: " in said
    assert "RUNNING" in said
    live.ask_to_stop()
    assert live.outcome()["outcome"] == "passed"


@pytest.mark.parametrize(
    ("body", "outcome", "code"), [("pass", "passed", 0), ("assert 0", "failed", 1)]
)
def test_the_verdict_is_pytests_own_with_the_thread_and_its_stack(
    scratch: Scratch, body: str, outcome: str, code: int
) -> None:
    scratch.write("test_a.py", THREAD + f"\n    def test_b(): {body}\n")
    found = scratch.run(limits=limits(linger_s=1))
    assert (found["outcome"], found["code"], found["pytest_exit"]) == (outcome, code, code)
    assert found["reported"] == found["expected"] == 2
    assert found["stuck"] == []
    assert "Thread-1 (pump) started in test_a.py:9, at test_a.py:6 in pump" in stacks(found)
    assert "1 s" in stacks(found)


def test_one_that_ignores_every_request_is_killed_and_passed_all_the_same(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import signal, threading, time

        def wait():
            while True:
                time.sleep(0.1)

        def test_a():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            threading.Thread(target=wait, name="keeper").start()
        """,
    )
    live = scratch.start(limits=limits(linger_s=1, grace_s=0.5))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert [event["sig"] for event in live.journal("signal")] == ["SIGINT", "SIGTERM", "SIGKILL"]
    assert "keeper started in test_a.py:11" in stacks(outcome)


def test_an_exit_handler_is_named_by_where_it_stands(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    scratch.write(
        "conftest.py",
        """
        import atexit, subprocess, sys

        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

        def wait_for_child():
            child.wait()

        atexit.register(wait_for_child)
        """,
    )
    live = scratch.start(limits=limits(linger_s=600))
    said = told(scratch, live, "still open: an exit handler in conftest.py:7 in wait_for_child")
    assert "; its child " in said
    assert "import time; time.sleep(600)" in said
    live.ask_to_stop()
    live.outcome()


def test_an_exit_handler_that_hangs_is_ended(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    scratch.write(
        "conftest.py",
        """
        import atexit, time

        def hang():
            time.sleep(600)

        atexit.register(hang)
        """,
    )
    outcome = scratch.run(limits=limits(linger_s=1))
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert "an exit handler in conftest.py:5 in hang" in stacks(outcome)


def test_whoever_works_after_pytests_end_is_left_to_it(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    scratch.write(
        "conftest.py",
        """
        import atexit, time

        def write_a_report():
            until = time.monotonic() + 5
            while time.monotonic() < until:
                pass
            open("report", "w").close()

        atexit.register(write_a_report)
        """,
    )
    live = scratch.start(limits=limits(linger_s=1))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert (scratch.root / "report").exists()
    assert live.journal("signal") == []
    assert not [note for note in outcome["notes"] if "stayed open" in note]


def test_workers_and_a_second_pass_do_not_change_that(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import os, pytest

        @pytest.mark.parametrize("n", range(12))
        def test_n(n):
            if n == 3:
                os._exit(7)
        """,
    )
    scratch.write(
        "conftest.py",
        """
        import os, threading, time

        def pytest_sessionstart():
            if "PYTEST_XDIST_WORKER" not in os.environ:
                threading.Thread(target=time.sleep, args=(600,), name="keeper").start()
        """,
    )
    outcome = scratch.run(*xdist("load"), limits=limits(linger_s=1))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 11, "crashed": 1}
    assert outcome["passes"] == 2
    assert "keeper started in conftest.py:6" in stacks(outcome)


def test_nobody_is_ended_for_it_where_the_limit_is_off(scratch: Scratch) -> None:
    scratch.write("test_a.py", THREAD)
    live = scratch.start(limits=limits(linger_s=0, deadline_s=8))
    outcome = live.outcome()
    assert outcome["outcome"] in {"passed", "timed-out"}
    assert [event["kind"] for event in live.journal("limit")] == ["deadline"]


def test_a_second_pass_that_starts_slowly_does_not_stay_open_after_the_first(
    scratch: Scratch,
) -> None:
    scratch.write(
        "slow/sitecustomize.py",
        """
        import os, sys, time

        if os.environ.get("WALKAWAY_PASS") == "2" and "-c" not in sys.orig_argv:
            time.sleep(4)
        """,
    )
    scratch.write(
        "test_a.py",
        """
        import os

        def test_a(): os._exit(3)
        def test_b(): pass
        """,
    )
    live = scratch.start(
        *xdist("load", 1),
        limits=limits(linger_s=1),
        environ={"PYTHONPATH": str(scratch.root / "slow")},
    )
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["passes"]) == ("failed", 2)
    assert outcome["counts"] == {"crashed": 1, "passed": 1}
    assert live.journal("linger") == []
