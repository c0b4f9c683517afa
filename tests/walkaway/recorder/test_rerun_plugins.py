"""Plugins that rerun or isolate a test: the last attempt decides, as in bare pytest."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support import rerun_plugins, warm
from tests.walkaway.support.recorded import RECORDER
from tests.walkaway.support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project, Recorded

SERIAL: tuple[str, ...] = ()
WORKERS = ("-p", "xdist", "-n2")

ONCE = """
    import os, pytest, time, unittest
    seen = {}
    def fails_once(name, times=1):
        seen[name] = seen.get(name, 0) + 1
        assert seen[name] > times
    def dies_once(name):
        if not os.path.exists(name + ".flag"):
            open(name + ".flag", "w").close()
            time.sleep(0.3)  # rerunfailures is told of a test's reruns by a socket, in passing
            os._exit(3)
"""


@dataclass(frozen=True, slots=True)
class Case:
    """Tests under a plugin; what bare pytest says of them, and each test's one result."""

    source: str
    args: tuple[str, ...]
    code: int
    results: dict[str, str]
    reruns: int = 0
    repeats: int = 0
    modes: tuple[tuple[str, ...], ...] = (SERIAL, WORKERS)
    conftest: str = ""
    kept: dict[str, str] = field(default_factory=dict)
    """What stands beside a result as its reason."""


CASES = {
    "pytest-retry": Case(
        """
        @pytest.mark.flaky(retries=2)
        def test_heals(): fails_once("a")
        @pytest.mark.flaky(retries=1)
        def test_bad(): assert 0
        @pytest.mark.flaky(retries=1)
        def test_good(): pass
        """,
        ("-p", "pytest_retry.retry_plugin"),
        1,
        {"test_heals": "passed", "test_bad": "failed", "test_good": "passed"},
        reruns=2,
    ),
    "pytest-retry-green": Case(
        'def test_heals(): fails_once("a")\ndef test_good(): pass\n',
        ("-p", "pytest_retry.retry_plugin", "--retries=1", "--retry-outcome=again"),
        0,
        {"test_heals": "passed", "test_good": "passed"},
        reruns=1,
    ),
    "box-flaky": Case(
        """
        @pytest.mark.flaky(max_runs=3)
        def test_heals(): fails_once("a")
        @pytest.mark.flaky(max_runs=2)
        def test_bad(): assert 0
        @pytest.mark.flaky(max_runs=3, min_passes=2)
        def test_good(): pass
        @pytest.fixture
        def broken(): fails_once("b", times=2)
        @pytest.mark.flaky(max_runs=3)
        def test_setup(broken): pass
        """,
        ("-p", "flaky.flaky_pytest_plugin"),
        1,
        {"test_heals": "passed", "test_bad": "failed", "test_good": "passed",
         "test_setup": "passed"},
        repeats=5,
    ),
    "box-flaky-teardown": Case(
        """
        @pytest.fixture
        def broken():
            yield
            fails_once("b")
        @pytest.mark.flaky(max_runs=2)
        def test_heals(broken): fails_once("a")
        """,
        ("-p", "flaky.flaky_pytest_plugin"),
        1,
        {"test_heals": "error"},
        repeats=1,
    ),
    "pytest-forked": Case(
        """
        @pytest.mark.forked
        @pytest.mark.xfail(reason="known")
        def test_expected(): os._exit(3)
        def test_good(): pass
        """,
        ("-p", "pytest_forked", "-W", "ignore"),
        0,
        {"test_expected": "xfailed", "test_good": "passed"},
        kept={"test_expected": "known; pytest-forked reason: "},
    ),
    "pytest-forked-red": Case(
        """
        @pytest.mark.forked
        def test_dies(): os._exit(3)
        @pytest.mark.forked
        def test_killed(): os.kill(os.getpid(), 9)
        def test_good(): pass
        """,
        ("-p", "pytest_forked"),
        1,
        {"test_dies": "crashed", "test_killed": "crashed", "test_good": "passed"},
    ),
    "pytest-ignore-flaky": Case(
        "@pytest.mark.flaky\ndef test_a(): assert 0\ndef test_b(): pass\n",
        ("-p", "pytest_ignore_flaky", "--ignore-flaky"),
        0,
        {"test_a": "xfailed", "test_b": "passed"},
        kept={"test_a": "skip flaky test failure"},
    ),
    "pytest-flakefinder": Case(
        "def test_a(): pass\nclass TestOld(unittest.TestCase):\n    def test_b(self): pass\n",
        ("-p", "pytest_flakefinder", "--flake-finder", "--flake-runs=2"),
        0,
        {"test_a[0]": "passed", "test_a[1]": "passed", "TestOld::test_b": "passed passed"},
    ),
    "pytest-repeat": Case(
        'def test_a(): fails_once("a")\n',
        ("-p", "pytest_repeat", "--count=2"),
        1,
        {"test_a[1-2]": "failed", "test_a[2-2]": "passed"},
        modes=(SERIAL,),
    ),
    "rerunfailures": Case(
        """
        @pytest.fixture
        def broken():
            fails_once("s")
            yield
            fails_once("t")
        def test_phases(broken): fails_once("c")
        def test_bad(): assert 0
        """,
        ("-p", "pytest_rerunfailures", "--reruns=3", "-W", "ignore"),
        1,
        {"test_phases": "passed", "test_bad": "failed"},
        reruns=5,
    ),
    "rerunfailures-crash": Case(
        """
        def test_a(): pass
        def test_dies_once(): dies_once("x")
        def test_b(): pass
        """,
        ("-p", "pytest_rerunfailures", "--reruns=2", "--max-worker-restart=4", "-W", "ignore"),
        0,
        {"test_a": "passed", "test_dies_once": "passed", "test_b": "passed"},
        reruns=1,
        modes=(WORKERS,),
    ),
    "rerunfailures-crash-red": Case(
        "def test_dies():\n    time.sleep(0.3)\n    os._exit(1)\n",
        ("-p", "pytest_rerunfailures", "--reruns=1", "--max-worker-restart=4", "-W", "ignore"),
        1,
        {"test_dies": "crashed"},
        reruns=1,
        modes=(WORKERS,),
    ),
    "rerunfailures-subtest": Case(
        """
        def test_heals(subtests):
            with subtests.test("one"): fails_once("a")
            with subtests.test("two"): pass
        def test_good(): pass
        """,
        ("-p", "pytest_rerunfailures", "--reruns=1", "-W", "ignore"),
        0,
        {"test_heals": "passed", "test_good": "passed"},
        reruns=1,
    ),
    "a-word-of-its-own": Case(
        "def test_a(): assert 0\ndef test_b(): pass\n",
        (),
        0,
        {"test_a": "unknown", "test_b": "passed"},
        conftest="""
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
        kept={"test_a": "a plugin's outcome: quarantined"},
    ),
    "a-call-and-no-more": Case(
        "def test_a(): assert 0\ndef test_b(): pass\ndef test_c(): pass\n",
        (),
        1,
        {"test_a": "failed", "test_b": "passed", "test_c": "passed"},
        conftest="""
        from _pytest import runner
        def pytest_runtest_protocol(item, nextitem):
            hook = item.ihook
            hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            for report in runner.runtestprotocol(item, nextitem=nextitem, log=False):
                if report.when == "call":
                    hook.pytest_runtest_logreport(report=report)
            hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
            return True
        """,
    ),
    "a-call-kept-to-itself": Case(
        "def test_a(): assert 0\ndef test_b(): pass\n",
        (),
        0,
        {"test_a": "unknown", "test_b": "passed"},
        conftest="""
        from _pytest import runner
        def pytest_runtest_protocol(item, nextitem):
            hook = item.ihook
            hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            for report in runner.runtestprotocol(item, nextitem=nextitem, log=False):
                if not report.failed:
                    hook.pytest_runtest_logreport(report=report)
            hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
            return True
        """,
        kept={"test_a": "its call was never reported"},
    ),
}  # fmt: skip
ALL = [(name, mode) for name, case in CASES.items() for mode in case.modes]


@pytest.fixture(scope="module")
def plugins() -> str:
    """The folder of the plugins, for PYTHONPATH."""
    return str(rerun_plugins.folder())


def bare(project: Project, plugins: str, *args: str) -> int:
    """Run pytest without us; return its exit code."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "WALKAWAY"))}
    environ = clean | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": plugins}
    argv = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args)
    done = warm.run(argv, cwd=project.root, env=environ, timeout=PATIENCE_S)
    for flag in project.root.glob("*.flag"):
        flag.unlink()
    return done.returncode


def recorded(project: Project, plugins: str, *args: str) -> Recorded:
    """Run pytest with the recorder to its end."""
    return project.run(*args, env={"PYTHONPATH": f"{RECORDER}{os.pathsep}{plugins}"})


@pytest.mark.parametrize(("name", "mode"), ALL, ids=lambda value: str(value or "serial"))
def test_the_last_attempt_decides(
    project: Project, plugins: str, name: str, mode: tuple[str, ...]
) -> None:
    case = CASES[name]
    project.write(test_it=dedent(ONCE) + dedent(case.source), conftest=case.conftest)
    assert bare(project, plugins, *case.args, *mode) == case.code
    run = recorded(project, plugins, *case.args, *mode)
    assert run.wait() == case.code, run.log
    found: dict[str, str] = {}
    for test, result in run.results():
        found[test] = f"{found[test]} {result}" if test in found else result
    assert found == case.results
    counts: dict[str, int] = {}
    for _, result in run.results():
        counts[result] = counts.get(result, 0) + 1
    assert run.one("end")["c"] == counts
    said = [event.get("r") != "unknown" for event in run.events("rr")]
    assert (said.count(True), said.count(False)) == (case.reruns, case.repeats)
    reasons = {run.ids()[e["i"]].partition("::")[2]: e.get("m", "") for e in run.events("f")}
    for test, reason in case.kept.items():
        assert reasons[test].startswith(reason)
    assert run.errors() == []
