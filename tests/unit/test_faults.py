"""Faults on request: which requests fail, and what is wanted of which variable."""

from __future__ import annotations

import pytest

from app.faults import Faults, fails, wanted
from app.settings import Environ, RefusedError


@pytest.mark.parametrize(
    ("rate", "failing"),
    [(0.0, []), (0.25, [4, 8, 12]), (0.5, [2, 4, 6, 8, 10, 12]), (1.0, list(range(1, 13)))],
)
def test_of_n_requests_the_same_ones_always_fail(rate: float, failing: list[int]) -> None:
    assert [count for count in range(1, 13) if fails(rate, count)] == failing


@pytest.mark.parametrize("rate", [0.01, 0.1, 1 / 3, 0.7, 0.99])
def test_over_many_requests_the_rate_is_exact(rate: float) -> None:
    assert sum(fails(rate, count) for count in range(1, 1001)) == int(1000 * rate)


def test_faults_are_off_unless_asked_for() -> None:
    assert wanted(Environ({})) == Faults()
    assert not wanted(Environ({"ENVIRONMENT": "test", "FAULT_FLAKY_RATE": "0"})).any


def test_faults_are_read_in_a_test_environment() -> None:
    values = {
        "ENVIRONMENT": "test",
        "FAULT_SLOW_READY_S": "1.5",
        "FAULT_HANG_PATH": "/search",
        "FAULT_MEMORY_MB": "64",
        "FAULT_FLAKY_RATE": "0.1",
    }
    assert wanted(Environ(values)) == Faults(1.5, "/search", 64, 0.1)


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(RefusedError, match="a share from 0 to 1"):
        wanted(Environ({"ENVIRONMENT": "test", "FAULT_FLAKY_RATE": "2"}))
