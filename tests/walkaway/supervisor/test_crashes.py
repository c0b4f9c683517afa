"""Pytest itself dies: killed by a signal, ended by os._exit, or crashed."""

from __future__ import annotations

import signal

import pytest

from tests.walkaway.support.scratch import PYTEST, Scratch
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table
from walkaway.runs import command

ARGV = command.build(PYTEST, (), ())
CRASHER = """
    import ctypes, os, pytest

    def test_before(): pass
    def test_culprit(): {}
    def test_after(): pass
"""


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ("os.abort()", signal.SIGABRT),
        ("ctypes.string_at(0)", signal.SIGSEGV),
        ("os.kill(os.getpid(), 4)", signal.SIGILL),
    ],
)
def test_a_crash_of_the_interpreter_names_the_test(
    scratch: Scratch, body: str, number: int
) -> None:
    scratch.write("test_a.py", CRASHER.format(body))
    live = scratch.start()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("crashed", 128 + number)
    assert outcome["signal"] == number
    assert outcome["crashed"] == ["test_a.py::test_culprit"]
    assert outcome["lost"]["ids"] == ["test_a.py::test_after"]
    assert outcome["counts"] == {"passed": 1}
    junit = live.record.path("junit.xml").read_text(encoding="utf-8")
    assert 'errors="2"' in junit
    assert "collected but never reported" in junit


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_pytest_is_killed_with_the_test_named(scratch: Scratch, number: int) -> None:
    scratch.write("test_a.py", CRASHER.format(f"os.kill(os.getpid(), {number:d})"))
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("killed", 128 + number)
    assert outcome["crashed"] == ["test_a.py::test_culprit"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_controller_killed_from_outside_is_killed_with_every_test_in_flight(
    scratch: Scratch, number: int
) -> None:
    scratch.write(
        "test_a.py",
        """
        import pathlib, pytest, time

        @pytest.mark.parametrize("n", range(2))
        def test_n(n):
            pathlib.Path(f"in-{n}").touch()
            time.sleep(300)
        """,
    )
    live = scratch.start("-p", "xdist", "-n2")
    wait_for(lambda: len(live.events("s")) == 2, "both tests in flight")
    assert proc_table.send(*live.pytest(), number)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("killed", 128 + number)
    assert sorted(outcome["crashed"]) == ["test_a.py::test_n[0]", "test_a.py::test_n[1]"]


def test_a_signal_below_a_wrapper_is_still_seen(scratch: Scratch) -> None:
    scratch.write("test_a.py", CRASHER.format("os.kill(os.getpid(), 9)"))
    shell = ("/bin/sh", "-c", '"$@"; exit $?', "sh", *ARGV)
    outcome = scratch.run(argv=shell)
    assert (outcome["outcome"], outcome["code"]) == ("killed", 137)
    assert outcome["crashed"] == ["test_a.py::test_culprit"]


@pytest.mark.parametrize("status", [0, 1, 3, 4, 5])
def test_an_exit_in_a_test_is_a_crash_whatever_its_status(scratch: Scratch, status: int) -> None:
    scratch.write("test_a.py", CRASHER.format(f"os._exit({status})"))
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("crashed", 65)
    assert outcome["pytest_exit"] == status
    assert outcome["crashed"] == ["test_a.py::test_culprit"]
    assert outcome["lost"]["ids"] == ["test_a.py::test_after"]


@pytest.mark.parametrize("status", [0, 3])
def test_an_exit_in_a_session_fixture_is_a_crash_of_the_test_that_asked_for_it(
    scratch: Scratch, status: int
) -> None:
    scratch.write(
        "test_a.py",
        f"""
        import os, pytest

        @pytest.fixture(scope="session")
        def engine():
            os._exit({status})

        def test_before(): pass
        def test_asking(engine): pass
        """,
    )
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("crashed", 65)
    assert outcome["crashed"] == ["test_a.py::test_asking"]


@pytest.mark.parametrize("status", [0, 3])
def test_an_exit_between_two_tests_is_incomplete(scratch: Scratch, status: int) -> None:
    scratch.write("test_a.py", CRASHER.format("pass"))
    scratch.write(
        "conftest.py",
        f"""
        import os

        def pytest_runtest_logfinish(nodeid):
            if "culprit" in nodeid:
                os._exit({status})
        """,
    )
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("incomplete", 65)
    assert outcome["counts"] == {"passed": 2}
    assert outcome["lost"]["ids"] == ["test_a.py::test_after"]


@pytest.mark.parametrize(("status", "word"), [(0, "passed"), (1, "failed")])
def test_an_exit_after_the_last_report_is_judged_by_its_status_with_a_note(
    scratch: Scratch, status: int, word: str
) -> None:
    scratch.write("test_a.py", CRASHER.format("pass"))
    scratch.write(
        "conftest.py",
        f"""
        import os

        def pytest_sessionfinish():
            os._exit({status})
        """,
    )
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == (word, status)
    assert outcome["reported"] == outcome["expected"] == 3
    assert any("end was not recorded" in note for note in outcome["notes"])
