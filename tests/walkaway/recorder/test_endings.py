"""However pytest ends, the record shows how."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project

TWO = "def test_a(): pass\ndef test_b(): assert 0\n"


def test_the_end_carries_the_status_that_another_plugin_made_of_it(project: Project) -> None:
    project.write(
        conftest="""
        import pytest
        @pytest.hookimpl(hookwrapper=True)
        def pytest_cmdline_main(config):
            outcome = yield
            outcome.force_result(7)
        """,
        test_it="def test_a(): pass\n",
    )
    run = project.run()
    assert run.wait() == 7
    assert (run.one("finish")["exit"], run.one("end")["exit"]) == (0, 7)


def test_too_little_coverage_is_in_the_final_status(project: Project) -> None:
    project.write(thing="def f():\n    return 1\n", test_it="import thing\ndef test_a(): pass\n")
    run = project.run("-p", "pytest_cov", "--cov=thing", "--cov-fail-under=99")
    assert run.wait() == run.one("end")["exit"] == 1
    assert run.results() == [("test_a", "passed")]
    assert run.one("missed")["coverage"] == [50.0, 99.0]


@pytest.mark.parametrize("args", [(), ("-p", "xdist", "-n2")], ids=["serial", "xdist"])
@pytest.mark.parametrize("place", ["option", "ini"])
def test_more_warnings_than_allowed_are_noted_beside_the_status(
    project: Project, place: str, args: tuple[str, ...]
) -> None:
    project.write(test_it="import warnings\ndef test_a(): warnings.warn('old')\n")
    limit = ("--max-warnings=0",) if place == "option" else ("-o", "max_warnings=0")
    run = project.run(*limit, *args)
    assert run.wait() == run.one("end")["exit"] == 6
    assert run.one("missed")["warnings"] == [1, 0]


def test_that_a_rerun_was_to_fail_the_run_is_noted_beside_the_status(project: Project) -> None:
    project.write(test_it="tries = []\ndef test_a():\n    tries.append(1); assert tries[1:]\n")
    run = project.run("-p", "pytest_rerunfailures", "--reruns=1", "--fail-on-flaky")
    assert run.wait() == run.one("end")["exit"] == 7
    assert run.one("missed")["flaky"] is True


def test_thresholds_that_were_kept_are_not_noted(project: Project) -> None:
    project.write(
        thing="def f():\n    return 1\n",
        test_it="import thing, warnings\ndef test_a(): warnings.warn('old')\n",
    )
    limits = ("--max-warnings=1", "--cov=thing", "--cov-fail-under=50", "--reruns=1")
    run = project.run("-p", "pytest_cov", "-p", "pytest_rerunfailures", *limits)
    assert (run.wait(), run.events("missed", "re")) == (0, [])


def test_a_collection_error_is_told_with_its_text_and_nothing_runs(project: Project) -> None:
    project.write(test_it="import no_such_module\n", test_other="def test_a(): pass\n")
    run = project.run()
    assert run.wait() == run.one("end")["exit"] == 2
    error = run.one("ce")
    assert error["id"] == "test_it.py"
    told = run.failure(error["x"])
    assert (told["type"], told["w"]) == ("ModuleNotFoundError", "collect")
    assert told["msg"] == "No module named 'no_such_module'"
    assert told["at"].startswith("test_it.py:1")
    assert (run.events("loop", "s", "f"), run.one("end")["ce"]) == ([], 1)


def test_stopping_at_a_failure_says_so(project: Project) -> None:
    project.write(test_it="def test_a(): assert 0\ndef test_b(): pass\n")
    run = project.run("-x")
    assert run.one("stopping")["m"] == "stopping after 1 failures"
    assert run.one("configured")["maxfail"] == 1
    assert (run.one("end")["n"], run.one("end")["c"]) == (2, {"failed": 1})


def test_an_exit_asked_for_in_a_test_is_told_as_such(project: Project) -> None:
    project.write(test_it="import pytest\ndef test_a(): pytest.exit('enough', 9)\n")
    run = project.run()
    assert run.wait() == 9
    assert (run.one("ki")["kind"], run.one("ki")["m"]) == ("Exit", "enough")
    end = run.one("end")
    assert (end["exit"], [flight[0] for flight in end["fl"]]) == (9, [0])


def test_an_interrupt_leaves_the_test_in_flight(project: Project) -> None:
    project.write(test_it="import time\ndef test_a(): pass\ndef test_b(): time.sleep(600)\n")
    run = project.start()
    project.wait_until_running(run, "test_b")
    run.process.send_signal(signal.SIGINT)
    assert run.wait() == 2
    assert run.one("ki")["kind"] == "KeyboardInterrupt"
    end = run.one("end")
    assert (end["exit"], end["c"], end["fl"][0][:2]) == (2, {"passed": 1}, [1, None])


def test_an_internal_error_is_told(project: Project) -> None:
    project.write(
        conftest="def pytest_collection_modifyitems(): raise RuntimeError('plugin bug')\n",
        test_it=TWO,
    )
    run = project.run()
    assert run.wait() == run.one("end")["exit"] == 3
    assert "plugin bug" in run.one("ie")["m"]


@pytest.mark.parametrize("how", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_sudden_death_loses_no_result(project: Project, how: str) -> None:
    many = "".join(f"def test_{n}(): pass\n" for n in range(50))
    project.write(test_it=f"import os, signal\n{many}def test_killer(): {how}\n")
    run = project.run()
    assert run.wait() != 0
    assert run.results() == [(f"test_{n}", "passed") for n in range(50)]
    assert run.events()[-1]["e"] == "s"
    assert run.ids()[run.events()[-1]["i"]] == "test_it.py::test_killer"


def test_usage_errors_leave_a_record_without_an_end(project: Project) -> None:
    run = project.run("--no-such-option")
    assert run.wait() == 4
    assert [event["e"] for event in run.events()] == ["loaded"]


def test_warnings_are_told_once_and_counted_always(project: Project) -> None:
    project.write(
        test_it="""
        import warnings, pytest
        def warn(): warnings.warn("old way", DeprecationWarning)
        @pytest.mark.parametrize("n", range(5))
        def test_a(n): warn()
        """
    )
    run = project.run()
    told = run.one("wn")
    assert (told["c"], told["m"], told["i"]) == ("DeprecationWarning", "old way", 0)
    assert told["at"] == "test_it.py:3"
    assert run.one("end")["wn"] == 5
