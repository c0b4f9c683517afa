"""Tests of a group run on one worker, in order, under their plain ids."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.walkaway.support.spread import Spread, Suite

ONE = """
    import time, pytest
    @pytest.mark.parametrize("n", range(20))
    def test_free(n): time.sleep(0.01)
    @pytest.mark.xdist_group("a")
    @pytest.mark.parametrize("n", range(5))
    def test_a(n): time.sleep(0.01)
"""
TWO = """
    import time, pytest
    @pytest.mark.parametrize("n", range(12))
    def test_loose(n):
        time.sleep(0.01)
    @pytest.mark.xdist_group(name="b")
    @pytest.mark.parametrize("n", range(5))
    def test_b(n): time.sleep(0.01)
    @pytest.mark.xdist_group("a")
    @pytest.mark.parametrize("n", range(3))
    def test_a_more(n): time.sleep(0.01)
"""
MODES = ("load", "worksteal")


def together(told: Spread, prefix: str) -> list[str]:
    """Return the names of a group's tests in time, all of them on one worker."""
    turns = told.of(prefix)
    assert len({turn.worker for turn in turns}) == 1, turns
    assert all(one.end is not None and one.end <= two.start for one, two in pairwise(turns))
    return [turn.name for turn in turns]


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("mode", MODES)
def test_a_group_stays_together_without_loadgroup(suite: Suite, mode: str, workers: int) -> None:
    suite.write(test_one=ONE, test_two=TWO)
    told = suite.run(f"-n{workers}", f"--dist={mode}", "-v")
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    assert len(told.counts) == 45
    expected = [f"test_a[{n}]" for n in range(5)] + [f"test_a_more[{n}]" for n in range(3)]
    assert together(told, "test_a") == expected
    assert together(told, "test_b") == [f"test_b[{n}]" for n in range(5)]
    # The others are dealt out as before.
    assert len({turn.worker for turn in told.turns}) == workers
    assert "@" not in told.output


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", MODES)
def test_so_it_does_in_random_order(suite: Suite, mode: str, seed: int) -> None:
    suite.write(test_one=ONE, test_two=TWO)
    told = suite.run(f"--dist={mode}", "-n2", "-p", "pytest_randomly", f"--randomly-seed={seed}")
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    assert len(told.counts) == 45
    together(told, "test_a")
    together(told, "test_b")


@pytest.mark.parametrize("mode", [*MODES, "loadgroup"])
def test_one_serial_test_makes_its_group_serial(suite: Suite, mode: str) -> None:
    more = """
    @pytest.mark.serial
    @pytest.mark.xdist_group("a")
    def test_a_serial(): pass
    """
    suite.write(test_one=ONE, test_two=TWO + more)
    told = suite.run("-n2", f"--dist={mode}")
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    names = together(told, "test_a")
    assert names == [turn.name for turn in told.turns[-9:]]
    begun = told.turns[-9].start
    assert all(turn.end is not None and turn.end <= begun for turn in told.turns[:-9])


@pytest.mark.parametrize("mode", ["loadscope", "loadfile"])
def test_modes_with_an_idea_of_their_own_keep_to_it(suite: Suite, mode: str) -> None:
    suite.write(test_one=ONE, test_two=TWO)
    told = suite.run("-n2", f"--dist={mode}")
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    for module in ("test_one.py", "test_two.py"):
        workers = {turn.worker for turn in told.turns if turn.nodeid.startswith(module)}
        assert len(workers) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_crash_in_a_group_costs_one_test(suite: Suite, mode: str) -> None:
    killer = """
    import os
    @pytest.mark.xdist_group("a")
    def test_a_killer(): os._exit(1)
    @pytest.mark.xdist_group("a")
    @pytest.mark.parametrize("n", range(3))
    def test_after(n): pass
    @pytest.mark.serial
    def test_serial(): pass
    """
    suite.write(test_one=ONE, test_two=TWO + killer)
    told = suite.run("-n2", f"--dist={mode}")
    assert told.code == 1, told.output
    assert "crashed while running 'test_two.py::test_a_killer'" in told.output
    assert "1 failed, 49 passed" in told.output
    assert set(told.counts.values()) == {1}
    assert len(told.counts) == 50
    together(told, "test_after")
    told.assert_alone()
