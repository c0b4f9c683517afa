"""The bounds against values from tables, from other exact implementations, and from arithmetic."""

from __future__ import annotations

import math

import pytest

from walkaway.model.interval import attempts_to_see, clopper_pearson, ruled_out


@pytest.mark.parametrize(
    ("failures", "attempts", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (2, 10, 0.0252, 0.5561),
        (3, 10, 0.0667, 0.6525),
        (5, 10, 0.1871, 0.8129),
        (9, 10, 0.5550, 0.9975),
        (10, 10, 0.6915, 1.0),
        (1, 1, 0.0250, 1.0),
        (2, 59, 0.0041, 0.1171),
        (5, 100, 0.0164, 0.1128),
        (10, 1000, 0.0048, 0.0183),
    ],
)
def test_the_interval_is_the_exact_one_of_the_tables(
    failures: int, attempts: int, low: float, high: float
) -> None:
    found = clopper_pearson(failures, attempts)
    assert found == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("attempts", [1, 2, 7, 10, 59, 1000, 20_000])
def test_no_failure_and_nothing_but_failures_have_a_closed_form(attempts: int) -> None:
    rest = 0.025 ** (1 / attempts)
    assert clopper_pearson(0, attempts) == pytest.approx((0.0, 1 - rest), abs=1e-9)
    assert clopper_pearson(attempts, attempts) == pytest.approx((rest, 1.0), abs=1e-9)


@pytest.mark.parametrize("attempts", [1, 3, 10, 31])
def test_every_rate_is_covered_with_95_percent_at_least(attempts: int) -> None:
    intervals = [clopper_pearson(k, attempts) for k in range(attempts + 1)]
    for rate in (0.001, 0.05, 0.2, 0.5, 0.77, 0.999):
        covered = sum(
            math.comb(attempts, k) * rate**k * (1 - rate) ** (attempts - k)
            for k, (low, high) in enumerate(intervals)
            if low <= rate <= high
        )
        assert covered >= 0.95


def test_without_an_attempt_nothing_is_known() -> None:
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    assert ruled_out(0) == 1.0


def test_clean_attempts_rule_out_what_the_literature_says() -> None:
    found = [round(100 * ruled_out(attempts), 1) for attempts in (10, 59, 299)]
    assert found == [25.9, 5.0, 1.0]


def test_the_attempts_needed_are_the_least_that_rule_a_rate_out() -> None:
    assert [attempts_to_see(rate) for rate in (0.1, 0.05, 0.01)] == [29, 59, 299]
    for rate in (0.1, 0.05, 0.01):
        needed = attempts_to_see(rate)
        assert ruled_out(needed) <= rate < ruled_out(needed - 1)
