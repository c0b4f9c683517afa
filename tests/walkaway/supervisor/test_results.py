"""Runs that end by themselves: what passed means, and what prevents it."""

from __future__ import annotations

import pytest

from tests.walkaway.support.scratch import Scratch, modes, xdist
from tests.walkaway.support.spread import thin

MODES = modes("serial", "load", soak=["loadfile", "loadgroup"])

ALL_KINDS = """
    import pytest

    def test_passed(): pass
    def test_failed(): assert 1 == 2
    def test_skipped(): pytest.skip("not here")

    @pytest.mark.xfail
    def test_xfailed(): assert 0

    @pytest.mark.xfail
    def test_xpassed(): pass

    @pytest.fixture
    def broken(): raise RuntimeError("no")

    def test_error(broken): pass
"""


@pytest.mark.parametrize("mode", MODES)
def test_passed_means_that_every_test_reported(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", "def test_a(): pass\ndef test_b(): pass\n")
    scratch.write("test_b.py", "def test_a(): pass\n")
    outcome = scratch.run(*xdist(mode))
    assert (outcome["outcome"], outcome["code"], outcome["pytest_exit"]) == ("passed", 0, 0)
    assert outcome["counts"] == {"passed": 3}
    assert outcome["expected"] == outcome["reported"] == 3
    assert outcome["supervised"]
    assert outcome["passes"] == 1
    assert outcome["notes"] == []


@pytest.mark.parametrize("mode", MODES)
def test_each_result_is_counted_once(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", ALL_KINDS)
    outcome = scratch.run(*xdist(mode, 1))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    kinds = ("passed", "failed", "skipped", "xfailed", "xpassed", "error")
    assert outcome["counts"] == dict.fromkeys(kinds, 1)


FIVE = """
    import pytest

    @pytest.mark.parametrize("n", range(20))
    def test_n(n):
        assert n not in (1, 2, 3)
"""


@pytest.mark.parametrize(
    ("option", "mode"),
    thin(
        ["-x", "--maxfail=2"],
        ["serial", "load", "loadfile", "loadgroup"],
        usual=lambda option, mode: mode == "serial" or (option, mode) == ("-x", "load"),
    ),
)
def test_stopping_at_a_failure_leaves_tests_not_run_and_none_lost(
    scratch: Scratch, mode: str, option: str
) -> None:
    scratch.write("test_a.py", FIVE)
    outcome = scratch.run(option, *xdist(mode, 1))
    assert outcome["outcome"] == "failed"
    assert outcome["code"] == outcome["pytest_exit"]
    assert outcome["code"] in {1, 2}  # xdist ends with 2 when it stops early
    assert outcome["not_run"]["n"] == 20 - outcome["reported"]
    assert outcome["not_run"]["n"] > 0 or mode != "serial"  # workers may be faster than the stop
    assert outcome["lost"] == {"n": 0, "ids": []}
    assert outcome["passes"] == 1


DROPPER = """
    import pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        if item.name in ("test_b", "test_d"):
            return True
"""
FOUR = "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\ndef test_d(): {}\n"


@pytest.mark.parametrize("mode", MODES)
def test_tests_that_never_reported_are_lost_by_name(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", FOUR.format("pass"))
    scratch.write("conftest.py", DROPPER)
    outcome = scratch.run(*xdist(mode, 1))
    assert (outcome["outcome"], outcome["code"], outcome["pytest_exit"]) == ("incomplete", 65, 0)
    assert outcome["lost"] == {"n": 2, "ids": ["test_a.py::test_b", "test_a.py::test_d"]}
    assert outcome["not_run"]["n"] == 0
    assert "2 of 4 tests not reported" in outcome["rests_on"]


def test_a_failure_beside_lost_tests_is_failed_with_the_lost_named(scratch: Scratch) -> None:
    scratch.write("test_a.py", FOUR.format("pass").replace("test_a(): pass", "test_a(): assert 0"))
    scratch.write("conftest.py", DROPPER)
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["lost"]["ids"] == ["test_a.py::test_b", "test_a.py::test_d"]
    assert outcome["notes"] == ["2 tests never reported"]


def test_pytest_exit_with_0_in_mid_run_is_incomplete(scratch: Scratch) -> None:
    body = "__import__('pytest').exit('all good', returncode=0)"
    scratch.write("test_a.py", f"def test_a(): pass\ndef test_b(): {body}\ndef test_c(): pass\n")
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("incomplete", 65)
    assert "test_a.py::test_c" in outcome["lost"]["ids"]


def test_pytest_exit_in_mid_run_is_interrupted_with_its_reason(scratch: Scratch) -> None:
    body = "__import__('pytest').exit('the database is gone')"
    scratch.write("test_a.py", f"def test_a(): pass\ndef test_b(): {body}\ndef test_c(): pass\n")
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("interrupted", 2)
    assert "the database is gone" in outcome["rests_on"]
    assert outcome["not_run"]["n"] == 2


def test_an_exit_of_1_without_a_failure_is_failed_with_a_note(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    scratch.write("conftest.py", "def pytest_sessionfinish(session): session.exitstatus = 1\n")
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert "no test failed" in outcome["notes"][0]


def test_edits_while_it_runs_are_reported(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): open('new_file.py', 'w').write('x = 1')\n")
    live = scratch.start()
    outcome = live.outcome()
    assert outcome["outcome"] == "passed"
    assert "new_file.py" in outcome["tree"]["changed"]
