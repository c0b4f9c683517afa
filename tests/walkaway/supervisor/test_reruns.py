"""A failure healed by a rerun plugin does not fail the run: the verdict is that of bare pytest."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.walkaway.support.scratch import Scratch, xdist

RERUNS = ("-p", "pytest_rerunfailures", "-W", "ignore")

DIES_ONCE = """
    import os, time
    def test_a(): pass
    def test_dies_once():
        if not os.path.exists("died"):
            open("died", "w").close()
            time.sleep(0.3)  # rerunfailures is told of a test's reruns by a socket, in passing
            os._exit(1)
    def test_b(): pass
    def test_c(): pass
"""

SUBTEST = """
    seen = []
    def test_heals(subtests):
        seen.append(1)
        with subtests.test("one"): assert len(seen) > 1
        with subtests.test("two"): pass
    def test_b(): pass
"""


@pytest.mark.parametrize("mode", ["load", "worksteal"])
@pytest.mark.parametrize("restarts", [(), ("--max-worker-restart=3",)])
def test_a_crash_that_was_rerun_and_passed_is_no_failure(
    scratch: Scratch, mode: str, restarts: tuple[str, ...]
) -> None:
    scratch.write("test_a.py", DIES_ONCE)
    outcome = scratch.run(*RERUNS, "--reruns=2", *xdist(mode), *restarts)
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert outcome["counts"] == {"passed": 4}
    assert outcome["expected"] == outcome["reported"] == 4
    assert (outcome["crashed"], outcome["lost"]["n"]) == ([], 0)
    healed = "crashed its worker, then was rerun by a plugin: test_a.py::test_dies_once"
    assert healed in outcome["notes"]
    assert "a worker ended between two tests" not in outcome["notes"]


def test_a_crash_that_the_plugin_cannot_rerun_is_a_failure(scratch: Scratch) -> None:
    # rerunfailures reruns no crash under loadfile, loadscope and loadgroup.
    scratch.write("test_a.py", DIES_ONCE)
    outcome = scratch.run(*RERUNS, "--reruns=2", *xdist("loadfile"))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 3, "crashed": 1}


def test_a_second_pass_gives_a_test_no_more_reruns_than_pytest_alone(scratch: Scratch) -> None:
    twice = DIES_ONCE.replace(
        'if not os.path.exists("died"):',
        'if not os.path.exists("died") or not os.path.exists("x"):',
    ).replace('open("died", "w")', 'open("x" if os.path.exists("died") else "died", "w")')
    scratch.write("test_a.py", twice)
    outcome = scratch.run(*RERUNS, "--reruns=1", *xdist("load"))
    assert (outcome["outcome"], outcome["code"], outcome["passes"]) == ("failed", 1, 2)
    assert outcome["counts"] == {"passed": 3, "crashed": 1}
    assert (scratch.root / "x").exists()


def test_a_test_that_crashes_at_every_attempt_is_crashed(scratch: Scratch) -> None:
    always = DIES_ONCE.replace('if not os.path.exists("died")', "if True")
    scratch.write("test_a.py", always)
    outcome = scratch.run(*RERUNS, "--reruns=1", *xdist("load"))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 3, "crashed": 1}
    assert outcome["crashed"] == ["test_a.py::test_dies_once"]


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_a_rerun_subtest_leaves_a_passed_test_and_no_failure(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", SUBTEST)
    live = scratch.start(*RERUNS, "--reruns=1", *xdist(mode))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"], outcome["notes"]) == ("passed", 0, [])
    assert outcome["counts"] == {"passed": 2}
    suite = ET.fromstring(live.record.path("junit.xml").read_bytes())[0]  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "0", "0")


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_a_subtest_that_fails_in_the_last_attempt_fails_its_test(
    scratch: Scratch, mode: str
) -> None:
    scratch.write("test_a.py", SUBTEST.replace("len(seen) > 1", "not seen"))
    outcome = scratch.run(*RERUNS, "--reruns=1", *xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 1, "failed": 1, "subfailed": 1}


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_an_outcome_that_pytest_does_not_know_is_named_and_not_guessed(
    scratch: Scratch, mode: str
) -> None:
    scratch.write("test_a.py", "def test_a(): assert 0\ndef test_b(): pass\n")
    scratch.write(
        "conftest.py",
        """
        import pytest
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(item, call):
            report = (yield).get_result()
            if report.failed:
                report.outcome = "quarantined"
        def pytest_report_teststatus(report):
            if report.outcome == "quarantined":
                return "quarantined", "Q", "QUARANTINED"
        """,
    )
    live = scratch.start(*xdist(mode))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"], outcome["lost"]["n"]) == ("passed", 0, 0)
    assert outcome["counts"] == {"passed": 1, "unknown": 1}
    suite = ET.fromstring(live.record.path("junit.xml").read_bytes())[0]  # noqa: S314 - our own
    (told,) = suite.iter("skipped")
    assert told.get("message") == "a plugin's outcome: quarantined"
