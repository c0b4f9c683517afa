"""Other plugins, nested pytests and odd environments: the record stays complete and separate."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.recorded import RECORDER
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project

ENVIRONMENT = """
    import os, json, subprocess, sys
    def test_a():
        ours = {k: v for k, v in os.environ.items()
                if k.startswith("WALKAWAY") or k == "PYTHONPATH"}
        print(json.dumps(ours))
        assert 0
"""


def test_only_the_runs_marker_stays_in_the_environment(project: Project) -> None:
    project.write(test_it=ENVIRONMENT)
    for before, after in ((str(RECORDER), None), (f"{RECORDER}:/else", "/else")):
        run = project.run(env={"PYTHONPATH": before})
        expected = {"WALKAWAY_RUN": str(run.folder)} | ({"PYTHONPATH": after} if after else {})
        assert eval(run.failures()[0]["out"][0][1]) == expected  # noqa: S307 - our own print


def test_the_environment_of_workers_is_as_clean(project: Project) -> None:
    project.write(test_it=ENVIRONMENT)
    run = project.run("-p", "xdist", "-n1")
    assert "WALKAWAY_RECORD" not in run.failures()[0]["out"][0][1]
    assert "walkaway_recorder" not in run.failures()[0]["out"][0][1]


NESTED = {
    "inprocess": "pytester.runpytest_inprocess({args})",
    "subprocess": "pytester.runpytest_subprocess({args})",
    "main": "import pytest; print('2 passed' if not pytest.main(['{path}', {args}]) else '')",
}


@pytest.mark.parametrize(
    ("how", "args"),
    [
        ("inprocess", ""),
        ("inprocess", "'-p', 'walkaway_recorder'"),
        ("subprocess", ""),
        ("main", ""),
        ("main", "'-p', 'walkaway_recorder'"),
    ],
)
def test_a_pytest_inside_a_test_leaves_no_event(project: Project, how: str, args: str) -> None:
    inner = project.root / "inner"
    inner.mkdir()
    (inner / "test_inner.py").write_text("def test_x(): pass\ndef test_y(): assert 0\n")
    call = NESTED[how].format(args=args, path=inner)
    project.write(
        test_it=f"""
        def test_outer(pytester):
            pytester.makepyfile(test_inner="def test_x(): pass")
            {call}
        """
    )
    run = project.run("-p", "pytester", "test_it.py")
    assert run.wait() == 0, run.log
    assert run.ids() == ["test_it.py::test_outer"]
    assert run.results() == [("test_outer", "passed")]
    assert len(run.events("loaded", "configured", "end")) == 3
    assert run.errors() == []


def test_reruns_are_told_and_only_the_last_attempt_is_the_result(project: Project) -> None:
    project.write(
        test_it="""
        seen = []
        def test_flaky():
            seen.append(1)
            assert len(seen) > 2
        def test_bad(): assert 0
        """
    )
    for args in ((), ("-p", "xdist", "-n2")):
        run = project.run("-p", "pytest_rerunfailures", "--reruns=2", *args)
        assert dict(run.results()) == {"test_flaky": "passed", "test_bad": "failed"}
        assert len(run.results()) == 2
        assert len(run.events("rr")) == 4
        assert run.one("end")["c"] == {"passed": 1, "failed": 1}
        assert len(run.events("s")) == 2


def test_a_random_order_is_recorded_as_it_runs(project: Project) -> None:
    project.write(test_it="".join(f"def test_{n}(): pass\n" for n in range(20)))
    run = project.run("-p", "randomly")
    assert [event["i"] for event in run.events("f")] == list(range(20))


def test_a_timed_out_test_is_a_failure_with_its_place(project: Project) -> None:
    project.write(test_it="import time\ndef test_a(): time.sleep(600)\ndef test_b(): pass\n")
    run = project.run("-p", "timeout", "--timeout=0.3", "--timeout-method=signal")
    assert run.results() == [("test_a", "failed"), ("test_b", "passed")]
    told = run.failures()[0]
    assert told["type"] == "Failed"
    assert told["msg"].startswith("Timeout")
    assert told["at"] == "test_it.py:2 in test_a"


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n2")], ids=["serial", "xdist"])
def test_a_timeout_is_told_with_the_stack_of_its_test_and_of_no_plugins_thread(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write(
        test_it="""
        import threading, time
        def stuck(): time.sleep(600)
        def test_plain(): print("said before"); stuck()
        def test_subtest(subtests):
            with subtests.test("one"): stuck()
        def wait_in_thread(ready, done):
            ready.set()
            done.wait(600)
        def test_own_thread():
            ready, done = threading.Event(), threading.Event()
            thread = threading.Thread(target=wait_in_thread, args=(ready, done))
            thread.start()
            ready.wait(60)
            try: stuck()
            finally:
                done.set()
                thread.join()
        """
    )
    reruns = ("-p", "pytest_rerunfailures", "--reruns=0", "-W", "ignore")
    run = project.run("-p", "timeout", "--timeout=0.5", *reruns, "-p", "xdist", *workers)
    assert dict(run.results()) == dict.fromkeys(
        ("test_plain", "test_subtest", "test_own_thread"), "failed"
    )
    told = {line["id"].partition("::")[2]: line for line in run.failures()}
    for line in told.values():
        assert (line["msg"][:8], line["at"]) == ("Timeout ", "test_it.py:3 in stuck")
        assert "in stuck" in line["text"]
        for _, printed in line["out"]:
            assert "pytest_rerunfailures" not in printed
            assert "execnet" not in printed
    assert told["test_plain"]["out"] == [["Captured stdout call", "said before\n"]]
    assert told["test_subtest"]["out"] == []
    assert any("in wait_in_thread" in printed for _, printed in told["test_own_thread"]["out"])


@pytest.mark.parametrize(
    "args",
    [
        ("-p", "no:terminal"),
        ("-s",),
        ("--capture=sys",),
        ("--capture=tee-sys",),
        ("-o", "addopts=", "--noconftest", "--import-mode=importlib"),
        ("-o", "faulthandler_timeout=5"),
        ("-p", "no:faulthandler"),
        ("-W", "error"),
        ("-vv", "--durations=3"),
    ],
)
def test_pytests_own_switches_change_no_result(project: Project, args: tuple[str, ...]) -> None:
    project.write(test_it="def test_a(): print('x')\ndef test_b(): print('y'); assert 0\n")
    run = project.run(*args)
    assert run.wait() == 1
    assert run.results() == [("test_a", "passed"), ("test_b", "failed")]
    assert (run.errors(), run.one("end")["exit"]) == ([], 1)


def test_old_unittest_and_setup_failures_of_a_class_are_results(project: Project) -> None:
    project.write(
        test_it="""
        import unittest
        class Good(unittest.TestCase):
            def test_a(self): pass
            @unittest.skip("old")
            def test_b(self): pass
            @unittest.expectedFailure
            def test_c(self): self.fail()
        class Bad(unittest.TestCase):
            @classmethod
            def setUpClass(cls): raise RuntimeError("class")
            def test_d(self): pass
        """
    )
    assert [result for _, result in project.run().results()] == [
        *("passed", "skipped", "xfailed", "error")
    ]


def test_the_log_has_a_line_a_test_and_is_live(project: Project) -> None:
    project.write(
        test_it="""
        import time
        def test_a(): pass
        def test_b():
            print("before sleeping")
            time.sleep(600)
        """
    )
    run = project.start("-s")
    wait_for(lambda: "before sleeping\n" in run.log, "the line of a running test")
    assert "test_it.py::test_a PASSED" in run.log


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n2")])
def test_stacks_are_written_on_request(project: Project, workers: tuple[str, ...]) -> None:
    project.write(
        test_it="""
        import pathlib, time
        def stuck():
            pathlib.Path("is-stuck").touch()
            time.sleep(600)
        def test_a(): stuck()
        """
    )
    run = project.start(*workers)
    project.wait_until_running(run, "test_a")
    # Begun is not yet there: the stack is asked for once.
    wait_for((project.root / "is-stuck").exists, "the test to be in stuck")
    for path in (run.folder / "stacks").iterdir():
        pid, ticks, worker, number = path.read_text().split()
        assert int(number) == signal.SIGRTMIN + 6
        assert path.name == f"{pid}.txt"
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        assert stat.rpartition(")")[2].split()[19] == ticks
        assert (worker == "-") == (int(pid) == run.process.pid)
        os.kill(int(pid), signal.SIGRTMIN + 6)
    stacks = list((run.folder / "stacks").iterdir())
    assert len(stacks) == (3 if workers else 1)
    wait_for(lambda: any("in stuck" in path.read_text() for path in stacks), "the stack")


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n2")])
def test_an_isolated_interpreter_is_recorded_through_the_shim(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write(test_it="def test_a(): pass\ndef test_b(): assert 0\n")
    shim = str(RECORDER / "walkaway_recorder" / "isolated_start.py")
    run = project.run(*workers, command=(sys.executable, "-I", shim))
    assert run.wait() == 1
    assert dict(run.results()) == {"test_a": "passed", "test_b": "failed"}
    assert len(list((run.folder / "stacks").iterdir())) == (3 if workers else 1)
    assert (run.errors(), run.one("end")["exit"]) == ([], 1)


def test_a_selection_keeps_what_it_lists(project: Project) -> None:
    project.write(test_it="def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n")
    wanted = ["test_it.py::test_c", "test_it.py::test_a", "gone.py::test_x"]
    run = project.run(select=wanted)
    assert [name for name, _ in run.results()] == ["test_a", "test_c"]
    assert (run.one("collected")["n"], run.one("collected")["deselected"]) == (2, 1)
    spread = project.run("-p", "xdist", "-n2", select=wanted)
    assert {name for name, _ in spread.results()} == {"test_a", "test_c"}
