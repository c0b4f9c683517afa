"""Serial tests run after all others, on one worker, alone, each once: in every mode."""

from __future__ import annotations

import pytest

from tests.walkaway.support.spread import CONFTEST, MODES, Suite, thin

# Parallel tests take a moment, so that a serial one that is let go too early meets them: the long
# one until it has seen that happen, or long enough.
ONE = """
    import time, pytest
    @pytest.mark.serial
    def test_serial_first(): pass
    @pytest.mark.parametrize("n", range(10))
    def test_n(n): time.sleep(0.01)
    def test_long(): time.sleep(0.3)
"""
TWO = """
    import time, pytest
    class TestIt:
        @pytest.mark.parametrize("n", range(6))
        def test_in_class(self, n): time.sleep(0.01)
        @pytest.mark.serial
        @pytest.mark.parametrize("n", range(3))
        def test_serial_in_class(self, n): pass
    def test_last(): pass
"""
THREE = """
    import pytest
    pytestmark = pytest.mark.serial
    def test_serial_a(): pass
    @pytest.mark.xdist_group("g")
    def test_serial_b(): pass
"""
PARALLEL, SERIAL = 18, 6

# Workers that go take longer than the longest test: whichever is kept, none may have been let go
# a moment before its serial tests begin.
LINGERING = CONFTEST.replace('note("bye")', 'time.sleep(0.4); note("bye")')


def write(suite: Suite) -> None:
    suite.write(test_one=ONE, test_two=TWO, test_three=THREE)


@pytest.mark.parametrize(
    ("mode", "workers"),
    thin(MODES, [1, 2, 4], usual={("load", 1), ("load", 4), ("worksteal", 2), ("loadscope", 2)}),
)
def test_serial_tests_are_last_and_alone(suite: Suite, mode: str, workers: int) -> None:
    write(suite)
    suite.write(conftest=LINGERING)
    told = suite.run(f"-n{workers}", f"--dist={mode}")
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    assert (len(told.counts), len(told.serial)) == (PARALLEL + SERIAL, SERIAL)
    assert len({turn.worker for turn in told.serial}) == 1
    told.assert_alone()
    told.assert_others_gone()


@pytest.mark.parametrize(("mode", "seed"), thin(MODES, range(3), usual={("load", 0)}))
def test_so_they_are_in_random_order(suite: Suite, mode: str, seed: int) -> None:
    write(suite)
    told = suite.run("-p", "pytest_randomly", f"--randomly-seed={seed}", "-n2", f"--dist={mode}")
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    assert (len(told.counts), len(told.serial)) == (PARALLEL + SERIAL, SERIAL)
    told.assert_alone()
    told.assert_others_gone()


@pytest.mark.parametrize(
    ("mode", "chosen"),
    thin(
        MODES,
        [["-k", "serial"], ["test_three.py"], ["-m", "serial"]],
        usual=[
            ("load", ["-k", "serial"]),
            ("load", ["test_three.py"]),
            ("loadscope", ["test_three.py"]),
        ],
    ),
)
def test_a_suite_of_serial_tests_alone_uses_one_worker(
    suite: Suite, mode: str, chosen: list[str]
) -> None:
    write(suite)
    told = suite.run("-n2", f"--dist={mode}", *chosen)
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    assert len(told.serial) == len(told.turns) >= 2
    assert len({turn.worker for turn in told.turns}) == 1
    told.assert_alone()


@pytest.mark.parametrize(
    ("mode", "chosen"),
    thin(
        MODES,
        ["test_serial_first", "test_long", "test_serial_a or test_long"],
        usual=lambda mode, chosen: mode == "load" or (mode == "loadscope" and " or " in chosen),
    ),
)
def test_one_test_of_a_kind_is_enough(suite: Suite, mode: str, chosen: str) -> None:
    write(suite)
    count = chosen.count("test_")
    told = suite.run(f"-n{count + 1}", f"--dist={mode}", "-k", chosen)
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    assert len(told.turns) == count
    told.assert_alone()


@pytest.mark.parametrize("mode", thin(MODES, usual={"load"}))
def test_no_tests_at_all_are_told_by_pytests_own_code(suite: Suite, mode: str) -> None:
    write(suite)
    told = suite.run("-n2", f"--dist={mode}", "-k", "nothing")
    assert (told.code, told.turns) == (5, []), told.output


@pytest.mark.parametrize("args", [(), ("-n0",)])
def test_without_workers_they_keep_their_place(suite: Suite, args: tuple[str, ...]) -> None:
    write(suite)
    told = suite.run(*args, "test_one.py")
    assert told.code == 0, told.output
    assert told.turns[0].name == "test_serial_first"
    assert set(told.counts.values()) == {1}


def test_with_dist_each_every_worker_runs_everything(suite: Suite) -> None:
    write(suite)
    told = suite.run("-n2", "--dist=each")
    assert told.code == 0, told.output
    assert len(told.counts) == PARALLEL + SERIAL
    assert set(told.counts.values()) == {2}


@pytest.mark.parametrize("mode", thin(MODES, usual={"load"}))
def test_workers_that_disagree_are_xdists_own_error(suite: Suite, mode: str) -> None:
    suite.write(
        test_it="""
        import os, pytest
        @pytest.mark.serial
        @pytest.mark.parametrize("n", [os.environ.get("PYTEST_XDIST_WORKER"), "b"])
        def test_n(n): pass
        """
    )
    told = suite.run("-n2", f"--dist={mode}")
    assert told.code == 1, told.output
    assert "Different tests were collected between gw" in told.output
    assert told.turns == []


def test_what_one_worker_calls_serial_is_serial(suite: Suite) -> None:
    suite.write(
        test_it="""
        import os, pytest, time
        name = "serial" if os.environ["PYTEST_XDIST_WORKER"] == "gw1" else "slow"
        mark = getattr(pytest.mark, name)
        @mark
        def test_odd(): pass
        @pytest.mark.parametrize("n", range(8))
        def test_n(n): time.sleep(0.02)
        """
    )
    told = suite.run("-n2")
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    assert told.turns[-1].name == "test_odd"
    odd = told.turns[-1].start
    assert all(turn.end is not None and turn.end <= odd for turn in told.turns[:-1])


def test_the_same_test_named_twice_runs_twice(suite: Suite) -> None:
    write(suite)
    twice = "test_three.py::test_serial_a"
    told = suite.run("-n2", "--keep-duplicates", twice, twice, "test_one.py")
    assert told.code == 0, told.output
    assert (
        told.counts["test_serial_a"]
        == suite.run("-n0", "--keep-duplicates", twice, twice).counts["test_serial_a"]
    )
    told.assert_alone()


def test_wide_fixtures_hold_across_the_parts(suite: Suite) -> None:
    suite.write(
        test_it="""
        import pytest, time
        @pytest.fixture(scope="module")
        def wide():
            value = []
            yield value
            value.append("closed")
        @pytest.mark.parametrize("n", range(4))
        def test_n(wide, n): assert wide == []; time.sleep(0.02)
        @pytest.mark.serial
        @pytest.mark.parametrize("n", range(4))
        def test_serial(wide, n): assert wide == []
        """
    )
    told = suite.run("-n2")
    assert told.code == 0, told.output
    told.assert_alone()


def test_the_whole_library_brings_it(suite: Suite) -> None:
    write(suite)
    whole = CONFTEST.replace(
        '["walkaway.isolation.markers", "walkaway.isolation.spreading"]', '["walkaway.isolation"]'
    )
    assert whole != CONFTEST
    suite.write(conftest=whole)
    told = suite.run("-n2", "--strict-markers", "--strict-config")
    assert told.code == 0, told.output
    assert (len(told.counts), len(told.serial)) == (PARALLEL + SERIAL, SERIAL)
    told.assert_alone()
