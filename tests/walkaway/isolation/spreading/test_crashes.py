"""Workers crash before, at and in the serial part: each test runs once all the same."""

from __future__ import annotations

import pytest

from tests.walkaway.support.spread import MODES, Suite, thin

PARALLEL = """
    import os, time, pytest
    @pytest.mark.parametrize("n", range(8))
    def test_n(n): time.sleep(0.01)
"""
SERIAL = """
    import os, pytest
    pytestmark = pytest.mark.serial
    @pytest.mark.parametrize("n", range(3))
    def test_before(n): pass
    def test_killer(): os._exit(1)
    @pytest.mark.parametrize("n", range(3))
    def test_after(n): pass
    def test_second_killer(): os._exit(1)
    def test_end(): pass
"""


@pytest.mark.parametrize(
    ("mode", "workers"),
    thin(MODES, [1, 2], usual={("load", 1), ("load", 2), ("worksteal", 2), ("loadscope", 2)}),
)
def test_serial_tests_that_crash_take_down_no_other(suite: Suite, mode: str, workers: int) -> None:
    suite.write(test_a=PARALLEL, test_b=SERIAL)
    told = suite.run(f"-n{workers}", f"--dist={mode}")
    assert told.code == 1, told.output
    assert "2 failed, 15 passed" in told.output
    assert set(told.counts.values()) == {1}
    assert len(told.counts) == 17
    told.assert_alone()
    assert len({turn.worker for turn in told.serial}) == 3


@pytest.mark.parametrize("mode", thin(MODES, usual={"loadfile"}))
def test_so_in_a_suite_of_serial_tests_alone(suite: Suite, mode: str) -> None:
    suite.write(test_b=SERIAL)
    told = suite.run("-n2", f"--dist={mode}")
    assert "2 failed, 7 passed" in told.output
    assert set(told.counts.values()) == {1}
    told.assert_alone()


@pytest.mark.parametrize("mode", ["load", "worksteal"])
def test_a_parallel_crash_costs_no_serial_test(suite: Suite, mode: str) -> None:
    suite.write(test_a=PARALLEL + "    def test_dead(): os._exit(1)\n", test_b=SERIAL)
    told = suite.run("-n2", f"--dist={mode}")
    assert told.code == 1, told.output
    assert "3 failed, 15 passed" in told.output
    assert set(told.counts.values()) == {1}
    assert len(told.counts) == 18
    told.assert_alone()


@pytest.mark.parametrize("mode", ["load", "worksteal", "loadscope"])
def test_the_worker_kept_for_them_may_die_in_its_last_parallel_test(
    suite: Suite, mode: str
) -> None:
    # Both die when both run, so whichever is kept has the first serial test in its queue.
    half = """
    import os, pathlib, time
    def test_{0}():
        pathlib.Path("{0}-runs").touch()
        end = time.monotonic() + 20
        while not pathlib.Path("{1}-runs").exists() and time.monotonic() < end:
            time.sleep(0.01)
        os._exit(1)
    """
    suite.write(test_x=half.format("x", "y"), test_y=half.format("y", "x"), test_b=SERIAL)
    more = ["--max-worker-restart=4"] if mode == "loadscope" else []
    told = suite.run("-n2", f"--dist={mode}", *more)
    assert told.code == 1, told.output
    if mode == "loadscope":
        return  # xdist runs killers again and again there; here: it came to an end
    assert "4 failed, 7 passed" in told.output
    assert set(told.counts.values()) == {1}
    assert len(told.counts) == 11
    told.assert_alone()


def test_a_worker_killed_while_it_waits_accuses_no_test(suite: Suite) -> None:
    suite.write(
        test_a="""
        import os, pathlib, signal, time
        def wait_for(name):
            end = time.monotonic() + 20
            while not pathlib.Path(name).exists():
                assert time.monotonic() < end
                time.sleep(0.01)
        def told(name):
            pathlib.Path("." + name).write_text(str(os.getpid()))
            pathlib.Path("." + name).rename(name)
        def test_long():
            told("long")
            wait_for("short")
            time.sleep(0.2)  # until that worker has the serial test before it
            os.kill(int(pathlib.Path("short").read_text()), signal.SIGKILL)
            time.sleep(0.2)
        def test_short():
            wait_for("long")
            told("short")
        """,
        test_b="import pytest\npytestmark = pytest.mark.serial\ndef test_s(): pass\n",
    )
    # The worker whose tests are last in the collection is the one that is kept.
    told = suite.run("-n2")
    assert "3 passed" in told.output
    assert "crashed while running" not in told.output
    assert set(told.counts.values()) == {1}
    told.assert_alone()


@pytest.mark.parametrize("mode", thin(MODES, usual={"load", "loadscope"}))
def test_without_restarts_a_crash_ends_the_run_and_does_not_hang(suite: Suite, mode: str) -> None:
    suite.write(test_a=PARALLEL, test_b=SERIAL)
    told = suite.run("-n2", f"--dist={mode}", "--max-worker-restart=0")
    assert told.code == 1, told.output
    assert "worker restarting disabled" in told.output
    assert set(told.counts.values()) == {1}
    assert {f"test_before[{n}]" for n in range(3)} <= set(told.counts)
    told.assert_alone()


def test_a_crashed_serial_test_can_be_run_again_by_a_plugin(suite: Suite) -> None:
    suite.write(
        test_a=PARALLEL,
        test_b="""
        import os, pathlib, pytest
        pytestmark = pytest.mark.serial
        def test_flaky():
            if not pathlib.Path("been").exists():
                pathlib.Path("been").touch()
                os._exit(1)
        def test_end(): pass
        """,
        plug="""
        def pytest_handlecrashitem(crashitem, report, sched):
            sched.mark_test_pending(crashitem)
        """,
    )
    told = suite.run("-n2", "-p", "plug")
    assert "1 failed, 10 passed" in told.output
    assert told.counts["test_flaky"] == 2
    assert told.turns[-1].name == "test_end"
    told.assert_alone()
