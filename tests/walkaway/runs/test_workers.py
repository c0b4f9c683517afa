"""How many workers a command line asks for, and how many the machine bears."""

from __future__ import annotations

import pytest

from walkaway.runs import workers


@pytest.mark.parametrize(
    ("argv", "count"),
    [
        ("", 1),
        ("tests -q", 1),
        ("-n 4", 4),
        ("-n4", 4),
        ("-n=4", 4),
        ("-xn4", 4),
        ("-xvn 4 tests", 4),
        ("--numprocesses 3", 3),
        ("--numprocesses=3", 3),
        ("-n 4 -n 2", 2),
        ("-n 2 --numprocesses=6", 6),
        ("-n0", 1),
        ("-n 4 -n 0", 1),
        ("-n x", 1),
        ("-n", 1),
        ("--dist no", 1),
        ("--dist load", 1),
        ("-n 4 --dist no", 4),
        ("-n 8 --maxprocesses 3", 3),
        ("-n 8 --maxprocesses=0", 8),
        ("--dist load --tx 3*popen --tx=popen", 4),
        ("--tx 3*popen", 1),
        ("-k n4", 1),
        ("-m not -- -n 4", 1),
        ("--new-first tests/-n4", 1),
    ],
)
def test_a_run_wants_as_many_workers_as_xdist_will_start(argv: str, count: int) -> None:
    assert workers.wanted(["python", "-m", "pytest", *argv.split()], {}) == count


def test_the_variable_stands_before_the_command_line() -> None:
    assert workers.wanted([], {"PYTEST_ADDOPTS": "-n 3 -q"}) == 3
    assert workers.wanted(["-n", "2"], {"PYTEST_ADDOPTS": "-n 3"}) == 2
    assert workers.wanted(["-n", "2"], {"PYTEST_ADDOPTS": "-k 'open quote"}) == 2


def test_auto_is_what_the_machine_bears_or_what_the_variable_says() -> None:
    for word in ("auto", "logical"):
        assert workers.wanted(["-n", word], {}) == workers.auto()
        assert workers.wanted(["-n", word], {"PYTEST_XDIST_AUTO_NUM_WORKERS": "7"}) == 7


@pytest.mark.parametrize(
    ("cpus", "memory_gb", "count"),
    [(1, 24, 4), (2, 24, 4), (8, 64, 16), (8, 2, 8), (64, 1, 4), (2, 0.1, 1), (8, 0, 16)],
)
def test_slots_are_twice_the_cpus_as_far_as_memory_reaches(
    monkeypatch: pytest.MonkeyPatch, cpus: int, memory_gb: float, count: int
) -> None:
    monkeypatch.setattr(workers, "_cpus", lambda: cpus)
    monkeypatch.setattr(workers, "_memory_bytes", lambda: int(memory_gb * 2**30))
    assert workers.slots("auto") == count


def test_slots_can_be_given_and_switched_off() -> None:
    assert workers.slots("0") == 0
    assert workers.slots("12") == 12
    assert workers.slots("auto") >= 1
