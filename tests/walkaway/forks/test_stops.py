"""Stopping early: -x, --maxfail, pytest.exit and Ctrl-C; what ran to its end is told."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.walkaway.forks.suite import Suite, read
from tests.walkaway.support.waiting import wait_for

MANY = """
    import os, time
    import pytest

    @pytest.mark.parametrize("n", range(200))
    def test_one(n):
        time.sleep(0.01)
        with open("ran.txt", "a") as file:
            file.write(f"{n}\\n")
        assert n != 5
    """


@pytest.mark.parametrize("flag", ["-x", "--maxfail=1"])
def test_a_first_failure_ends_the_run_and_every_test_that_ran_is_told(
    suite: Suite, flag: str
) -> None:
    suite.write("test_a.py", MANY)
    ran = suite.run("--forks", "2", flag)
    assert ran.code == 1
    assert "stopping after 1 failures" in ran.out
    assert len(suite.lines("ran.txt")) == sum(ran.results.values()) < 200


def test_exit_in_a_test_is_pytests_own_exit(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        def test_one(): pass
        def test_two(): pytest.exit("enough", returncode=7)
        def test_three(): pass
        """,
    )
    ran = suite.run("--forks", "1")
    assert ran.code == 7
    assert "enough" in ran.out


@pytest.mark.parametrize("told", ["all", "parent"])
def test_ctrl_c_ends_the_workers_and_keeps_the_results(suite: Suite, told: str) -> None:
    suite.write("test_a.py", MANY)
    report = suite.folder / "report.xml"
    with subprocess.Popen(
        suite.command("--forks", "2", f"--junitxml={report}"), cwd=suite.folder,
        env=suite.environ(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        start_new_session=True,
    ) as process:  # fmt: skip
        ran = suite.folder / "ran.txt"
        wait_for(lambda: ran.exists() and len(suite.lines("ran.txt")) > 20, "20 tests to have run")
        if told == "all":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 2, out
    assert "KeyboardInterrupt" in out
    # At most the test in flight of each worker has no result.
    assert 0 <= len(suite.lines("ran.txt")) - sum(read(report).values()) <= 2
