"""A worker that dies takes one test along, and nothing else."""

from __future__ import annotations

import pytest

from tests.walkaway.forks.suite import Suite

HOW = {
    "exits": ("os._exit(0)", "exit status 0"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
    "segfault": ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_culprit_crashed_and_every_other_test_reports(
    suite: Suite, how: str, workers: str
) -> None:
    call, said = HOW[how]
    suite.write(
        "test_a.py",
        f"""
        import os, signal
        import pytest

        @pytest.mark.parametrize("n", range(40))
        def test_one(n):
            with open("ran.txt", "a") as file:
                file.write(f"{{n}}\\n")
            if n in (7, 8, 23):
                {call}
        """,
    )
    ran = suite.run("--forks", workers)
    assert ran.code == 1, ran.out
    assert sorted(map(int, suite.lines("ran.txt"))) == list(range(40))
    crashed = {test for test, kinds in ran.results.elements() if kinds != ("passed",)}
    assert crashed == {f"test_a::test_one[{n}]" for n in (7, 8, 23)}
    assert sum(ran.results.values()) == 40
    assert ran.out.count(f": {said}") >= 3


def test_a_failure_before_a_crash_in_teardown_is_told(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os, pytest

        @pytest.fixture
        def deadly():
            yield
            os._exit(1)

        def test_one(deadly): assert 1 == 2
        def test_two(): pass
        """,
    )
    ran = suite.run("--forks", "2")
    assert ran.code == 1
    assert "assert 1 == 2" in ran.out
    assert "exit status 1" in ran.out
    assert ran.of("test_two") == ("passed",)


def test_a_test_over_its_limit_is_ended_and_the_others_run(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import time, signal

        def test_before(): pass
        def test_stuck():
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
            time.sleep(600)
        def test_after(): pass
        """,
    )
    ran = suite.run("--forks", "1", "--forks-test-limit", "1")
    assert ran.code == 1
    assert "test_stuck was ended after its limit of 1 s" in ran.out
    assert (ran.of("test_before"), ran.of("test_after")) == (("passed",), ("passed",))


def test_a_worker_that_holds_too_much_memory_is_replaced_between_two_tests(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os, pytest

        KEPT = []

        @pytest.mark.parametrize("n", range(6))
        def test_one(n):
            KEPT.append(bytearray(os.urandom(1024)) * 1024 * 200)
            with open("pids.txt", "a") as file:
                file.write(f"{os.getpid()}\\n")
        """,
    )
    ran = suite.run("--forks", "1", "--forks-memory", "300")
    assert ran.code == 0, ran.out
    assert sum(ran.results.values()) == 6
    assert len(set(suite.lines("pids.txt"))) >= 3


def test_a_child_that_a_test_forks_and_that_comes_back_runs_nothing_twice(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os

        def test_forks():
            pid = os.fork()
            if pid:
                os.waitpid(pid, 0)
        def test_next():
            with open("ran.txt", "a") as file:
                file.write("once\\n")
        """,
    )
    ran = suite.run("--forks", "1")
    assert ran.code == 0, ran.out
    assert suite.lines("ran.txt") == ["once"]


def test_workers_end_with_a_parent_that_is_killed(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os, signal, time

        def test_one():
            with open("pid.txt", "w") as file:
                file.write(str(os.getpid()))
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        """,
    )
    assert suite.run("--forks", "1").code == -9
    from tests.walkaway.support.waiting import wait_for
    from walkaway.process import proc_table

    pid = int(suite.lines("pid.txt")[0])
    wait_for(lambda: proc_table.start_ticks(pid) == 0, "the worker to be gone")
