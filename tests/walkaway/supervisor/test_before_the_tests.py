"""Runs that end before their first test: command missing, wrong use, nothing to run."""

from __future__ import annotations

import sys

import pytest

from tests.walkaway.support.scratch import Scratch, xdist

GREEN = "def test_a(): pass\ndef test_b(): pass\n"
MODES = ("serial", "load")


@pytest.mark.parametrize(
    "argv",
    [
        ("/nowhere/pytest-is-not-here", "-q"),
        ("no-such-command-anywhere",),
        ("/nowhere/bin/python", "-m", "pytest"),
    ],
)
def test_a_command_that_is_missing_is_not_started(scratch: Scratch, argv: tuple[str, ...]) -> None:
    outcome = scratch.run(argv=argv)
    assert (outcome["outcome"], outcome["code"]) == ("not-started", 69)
    assert argv[0] in outcome["rests_on"]
    assert "No such file" in outcome["rests_on"]


def test_a_command_that_may_not_be_executed_is_not_started(scratch: Scratch) -> None:
    plain = scratch.write("plain.txt", "no program")
    outcome = scratch.run(argv=(str(plain),))
    assert (outcome["outcome"], outcome["code"]) == ("not-started", 69)
    assert "Permission denied" in outcome["rests_on"]


def test_an_interpreter_without_pytest_is_not_started_and_says_why(scratch: Scratch) -> None:
    outcome = scratch.run(argv=(sys.executable, "-S", "-m", "pytest"))
    assert (outcome["outcome"], outcome["code"]) == ("not-started", 69)
    assert any("No module named pytest" in line for line in outcome["said"])


def test_a_recorder_that_cannot_load_is_not_started(scratch: Scratch) -> None:
    # An isolated interpreter ignores PYTHONPATH.
    outcome = scratch.run(argv=(sys.executable, "-I", "-m", "pytest", "-p", "walkaway_recorder"))
    assert (outcome["outcome"], outcome["code"]) == ("not-started", 69)
    assert any("walkaway_recorder" in line for line in outcome["said"])


def test_a_command_that_dies_before_pytest_is_not_started(scratch: Scratch) -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    outcome = scratch.run(argv=(sys.executable, "-c", code))
    assert (outcome["outcome"], outcome["code"]) == ("not-started", 69)
    assert "SIGKILL" in outcome["rests_on"]


def test_an_unknown_option_is_a_usage_error_over_workers_too(scratch: Scratch) -> None:
    # Without workers: test_a_usage_error_begins_with_pytests_own_line, in test_exit_statuses.py.
    scratch.write("test_a.py", GREEN)
    outcome = scratch.run("--no-such-option", *xdist("load", 1))
    assert (outcome["outcome"], outcome["code"]) == ("usage-error", 4)
    assert any("--no-such-option" in line for line in outcome["said"])


@pytest.mark.parametrize("arg", ["no_such_path.py", "test_a.py::test_missing"])
def test_what_xdists_workers_alone_miss_is_no_tests(scratch: Scratch, arg: str) -> None:
    # xdist's controller knows no more than that there is nothing.
    scratch.write("test_a.py", GREEN)
    outcome = scratch.run(arg, *xdist("load", 1))
    assert (outcome["outcome"], outcome["code"]) == ("no-tests", 5)


def test_a_missing_path_that_xdist_swallows_is_noted(scratch: Scratch) -> None:
    outcome = scratch.run("no_such_path.py::test_a", *xdist("load", 1))
    assert outcome["notes"] == ["no_such_path.py::test_a does not exist"]


def test_a_broken_conftest_is_a_usage_error_over_workers_too(scratch: Scratch) -> None:
    # Without workers: test_a_broken_conftest_shows_its_traceback, in test_exit_statuses.py.
    scratch.write("test_a.py", GREEN)
    scratch.write("conftest.py", "import no_such_module_at_all\n")
    outcome = scratch.run(*xdist("load", 1))
    assert (outcome["outcome"], outcome["code"]) == ("usage-error", 4)
    assert any("no_such_module_at_all" in line for line in outcome["said"])


def test_collection_errors_are_counted_and_no_test_is_lost(scratch: Scratch) -> None:
    scratch.write("test_a.py", GREEN)
    scratch.write("test_broken.py", "import no_such_module_at_all\n")
    scratch.write("test_broken_too.py", "def test_a(:\n")
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("collection-error", 2)
    assert outcome["collection_errors"] == 2
    assert outcome["reported"] == 0
    assert outcome["lost"] == {"n": 0, "ids": []}


def test_nothing_but_collection_errors_is_a_collection_error_under_xdist_too(
    scratch: Scratch,
) -> None:
    scratch.write("test_broken.py", "import no_such_module_at_all\n")
    outcome = scratch.run(*xdist("load", 1))
    assert (outcome["outcome"], outcome["code"]) == ("collection-error", 2)


@pytest.mark.parametrize("mode", MODES)  # xdist goes on without being asked, too
def test_a_run_that_goes_on_past_collection_errors_is_failed(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", GREEN)
    scratch.write("test_broken.py", "import no_such_module_at_all\n")
    outcome = scratch.run("--continue-on-collection-errors", *xdist(mode, 1))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 2}
    assert outcome["collection_errors"] == 1
    assert outcome["lost"]["n"] == outcome["not_run"]["n"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_an_internal_error_is_named(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", GREEN)
    scratch.write(
        "conftest.py",
        """
        def pytest_collection_modifyitems(items):
            raise RuntimeError("the plugin is broken")
        """,
    )
    outcome = scratch.run(*xdist(mode, 1))
    assert (outcome["outcome"], outcome["code"]) == ("internal-error", 3)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_collected_is_no_tests(scratch: Scratch, mode: str) -> None:
    outcome = scratch.run(*xdist(mode, 1))
    assert (outcome["outcome"], outcome["code"]) == ("no-tests", 5)


@pytest.mark.parametrize("mode", MODES)
def test_everything_deselected_is_no_tests(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", GREEN)
    outcome = scratch.run("-k", "no_such_name", *xdist(mode, 1))
    assert (outcome["outcome"], outcome["code"]) == ("no-tests", 5)


def test_a_selection_that_fits_no_test_is_no_tests(scratch: Scratch) -> None:
    scratch.write("test_a.py", GREEN)
    outcome = scratch.run(select=("test_a.py::test_of_yesterday",))
    assert (outcome["outcome"], outcome["code"]) == ("no-tests", 5)


def test_a_plugin_that_turns_no_tests_into_0_does_not_make_them_passed(scratch: Scratch) -> None:
    scratch.write("conftest.py", "def pytest_sessionfinish(session): session.exitstatus = 0\n")
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("no-tests", 0)


@pytest.mark.parametrize(
    "option",
    ["--collect-only", "--fixtures", "--fixtures-per-test", "--help", "--markers", "--version"],
)
def test_an_option_that_only_prints_runs_nothing(scratch: Scratch, option: str) -> None:
    scratch.write("test_a.py", GREEN)
    live = scratch.start(option)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("nothing-run", 0)
    assert outcome["lost"]["n"] == 0
    assert live.log().strip()


def test_a_green_exit_before_collection_is_not_passed(scratch: Scratch) -> None:
    scratch.write("test_a.py", GREEN)
    scratch.write("conftest.py", "import os; os._exit(0)\n")
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("incomplete", 65)


def test_pytest_exit_before_collection_is_not_passed(scratch: Scratch) -> None:
    scratch.write("test_a.py", GREEN)
    scratch.write(
        "conftest.py",
        """
        import pytest

        def pytest_configure():
            pytest.exit("enough", returncode=0)
        """,
    )
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("incomplete", 65)


def test_a_conftest_that_starts_pytest_anew_in_its_place_changes_nothing(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): pass\ndef test_b(): pass\n")
    scratch.write(
        "conftest.py",
        """
        import os, sys

        if os.environ.get("PYTHONHASHSEED") != "7":
            os.environ["PYTHONHASHSEED"] = "7"
            os.execv(sys.executable, [sys.executable, *sys.argv])
        """,
    )
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert (outcome["expected"], outcome["reported"], outcome["passes"]) == (2, 2, 1)
    (log,) = scratch.root.glob("logs/tests/pytest/*.log")
    text = log.read_text(encoding="utf-8")
    assert "test_a.py::test_b PASSED" in text
    assert "2 passed" in text
