"""Exit statuses that the results do not explain: lost ends, thresholds, plugins with their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.scratch import xdist

if TYPE_CHECKING:
    from tests.walkaway.support.scratch import Scratch

MODES = pytest.mark.parametrize("mode", ["serial", "load"])
ONE_FAILS = "def test_a(): pass\ndef test_b(): assert 0\n"
PASSES = "def test_a(): pass\n"
EXITS = "import os\n\ndef pytest_sessionfinish(session):\n    os._exit(0)\n"
EXITS_LATE = "import atexit, os\n\natexit.register(os._exit, 0)\n"
FORGIVES = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
IN_THE_CONTROLLER = (
    "def pytest_sessionfinish(session):\n"
    "    if not hasattr(session.config, 'workerinput'):\n        {}\n"
)


@MODES
def test_an_exit_with_0_past_a_failed_test_is_no_pass(scratch: Scratch, mode: str) -> None:
    exits = "import os\n\n" + IN_THE_CONTROLLER.format("os._exit(0)")
    scratch.write("conftest.py", exits)
    scratch.write("test_it.py", ONE_FAILS)
    outcome = scratch.run(*xdist(mode))
    assert (outcome["outcome"], outcome["code"], outcome["pytest_exit"]) == ("failed", 1, 0)
    (note,) = outcome["notes"]
    assert note == "pytest's end was not recorded: exit status 0 is no pass when 1 test failed"


def test_an_exit_with_0_past_x_is_a_failed_run_whose_other_tests_did_not_run(
    scratch: Scratch,
) -> None:
    scratch.write("conftest.py", EXITS)
    scratch.write("test_it.py", f"def test_0(): assert 0\n{ONE_FAILS}")
    outcome = scratch.run("-x")
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert (outcome["lost"]["n"], outcome["not_run"]["n"]) == (0, 2)


def test_what_pytest_said_stands_against_a_0_of_its_process(scratch: Scratch) -> None:
    scratch.write("conftest.py", EXITS_LATE)
    scratch.write("test_it.py", ONE_FAILS)
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["rests_on"].startswith("pytest ended with 1, its process with 0, ")


@MODES
def test_a_failure_that_a_plugin_forgives_is_a_pass_by_its_word(
    scratch: Scratch, mode: str
) -> None:
    scratch.write("conftest.py", FORGIVES)
    scratch.write("test_it.py", ONE_FAILS)
    outcome = scratch.run(*xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert outcome["because"] == "pytest ended with 0 although 1 test failed: a plugin decided so"
    assert outcome["because"] in outcome["notes"]


@MODES
def test_too_many_warnings_are_said_with_the_warnings(scratch: Scratch, mode: str) -> None:
    scratch.write("test_it.py", "import warnings\n\ndef test_a():\n    warnings.warn('old')\n")
    outcome = scratch.run("--max-warnings=0", *xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 6)
    assert outcome["because"] == "1 warning of 0 allowed"
    assert outcome["said"] == ["test_it.py:4: UserWarning: old"]


FLAKY = """
    tries = []

    def test_steady(): pass

    def test_flaky():
        tries.append(1)
        assert tries[1:]
"""


def test_a_test_that_passed_only_on_a_rerun_is_named_where_it_fails_the_run(
    scratch: Scratch,
) -> None:
    scratch.write("test_it.py", FLAKY)
    outcome = scratch.run("-p", "pytest_rerunfailures", "--reruns=1", "--fail-on-flaky")
    assert (outcome["outcome"], outcome["code"]) == ("failed", 7)
    assert outcome["because"] == "1 test passed only on a rerun"
    assert outcome["flaky"] == ["test_it.py::test_flaky"]


def test_a_rerun_without_that_option_fails_nothing_and_is_not_named(scratch: Scratch) -> None:
    scratch.write("test_it.py", FLAKY)
    outcome = scratch.run("-p", "pytest_rerunfailures", "--reruns=1")
    assert (outcome["outcome"], outcome["because"], outcome["flaky"]) == ("passed", "", [])


@MODES
@pytest.mark.parametrize("expected", [1, 2], ids=["green", "red"])
def test_too_little_coverage_is_said_also_beside_a_failed_test(
    scratch: Scratch, mode: str, expected: int
) -> None:
    scratch.write("thing.py", "def f():\n    return 1\n\ndef g():\n    return 2\n")
    scratch.write(
        "test_it.py", f"import thing\n\ndef test_a():\n    assert thing.f() == {expected}\n"
    )
    outcome = scratch.run("-p", "pytest_cov", "--cov=thing", "--cov-fail-under=99", *xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["because"] == "coverage 75 % of 99 % required"
    assert "said" not in outcome


GATE = """
    import pytest

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(session):
        {}
        session.exitstatus = 17

    def pytest_terminal_summary(terminalreporter):
        {}
"""
SAYS = "terminalreporter.write_line('gate: 3 secrets')"


@pytest.mark.parametrize(
    ("early", "late"),
    [("print('gate: 3 secrets')", "pass"), ("pass", SAYS), ("print('gate:')", SAYS)],
    ids=["printed", "in the summary", "both"],
)
def test_a_status_of_a_plugin_comes_with_the_last_line_that_it_printed(
    scratch: Scratch, early: str, late: str
) -> None:
    scratch.write("conftest.py", GATE.format(early, late))
    scratch.write("test_it.py", PASSES)
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 17)
    assert outcome["because"] == 'pytest ended with 17 ("gate: 3 secrets")'
    assert outcome["said"][-1] == "gate: 3 secrets"


def test_a_status_of_a_plugin_that_prints_nothing_is_said_alone(scratch: Scratch) -> None:
    scratch.write("conftest.py", GATE.format("pass", "pass"))
    scratch.write("test_it.py", PASSES)
    outcome = scratch.run()
    assert outcome["because"] == "pytest ended with 17"
    assert "said" not in outcome


CRASHES = """
    import os, pytest

    @pytest.mark.parametrize("n", range(4))
    def test_n(n):
        if n == 1:
            os._exit(3)
"""


def test_after_a_second_pass_the_verdict_rests_on_both_ends_and_the_crash(
    scratch: Scratch,
) -> None:
    scratch.write("test_it.py", CRASHES)
    outcome = scratch.run(*xdist("load", 1))
    assert (outcome["outcome"], outcome["code"], outcome["passes"]) == ("failed", 1, 2)
    assert outcome["rests_on"] == (
        "pytest ended with 1 in pass 1, with 0 in pass 2, test_it.py::test_n[1] crashed, "
        "4 of 4 tests reported"
    )


@pytest.mark.parametrize(
    ("args", "first"),
    [
        (("--bogus",), "python -m pytest: error: unrecognized arguments: --bogus"),
        (("nothere.py",), "ERROR: file or directory not found: nothere.py"),
        (("test_it.py::test_z",), "ERROR: not found: "),
        (("-m", "((("), "ERROR: Wrong expression passed to '-m': ((("),
        (("--strict-config", "-o", "x=1"), "ERROR: Unknown config option: x"),
    ],
)
def test_a_usage_error_begins_with_pytests_own_line(
    scratch: Scratch, args: tuple[str, ...], first: str
) -> None:
    scratch.write("test_it.py", PASSES)
    outcome = scratch.run(*args)
    assert (outcome["outcome"], outcome["code"]) == ("usage-error", 4)
    assert outcome["said"][0].startswith(first)


def test_a_broken_conftest_shows_its_traceback(scratch: Scratch) -> None:
    scratch.write("conftest.py", "import no_such_module\n")
    outcome = scratch.run()
    assert outcome["outcome"] == "usage-error"
    assert outcome["said"][0].startswith("ImportError while loading conftest")
    assert outcome["said"][-1].startswith("E   ModuleNotFoundError")
