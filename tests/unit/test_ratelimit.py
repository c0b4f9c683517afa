"""Token buckets, on a clock that the test winds."""

import random

import pytest

from app.ratelimit import Decision, Rate, RateLimiter


@pytest.fixture
def limiter() -> RateLimiter:
    """Three at once, two a second."""
    return RateLimiter(Rate(per_second=2.0, burst=3))


def test_a_burst_is_let_in_and_the_next_is_told_when_to_return(limiter: RateLimiter) -> None:
    assert all(limiter.ask("ann", 0.0).allowed for _ in range(3))
    assert limiter.ask("ann", 0.0) == Decision(allowed=False, retry_after_s=0.5)


def test_who_waits_as_told_is_let_in(limiter: RateLimiter) -> None:
    for _ in range(3):
        limiter.ask("ann", 10.0)
    refused = limiter.ask("ann", 10.1)
    assert not refused.allowed
    assert limiter.ask("ann", 10.1 + refused.retry_after_s + 1e-9).allowed


def test_clients_do_not_share_a_bucket(limiter: RateLimiter) -> None:
    for _ in range(4):
        limiter.ask("ann", 0.0)
    assert limiter.ask("bob", 0.0).allowed


def test_asking_while_refused_costs_nothing(limiter: RateLimiter) -> None:
    for _ in range(100):
        limiter.ask("ann", 0.0)
    assert limiter.ask("ann", 0.5).allowed


def test_a_bucket_never_holds_more_than_the_burst(limiter: RateLimiter) -> None:
    limiter.ask("ann", 0.0)
    allowed = [limiter.ask("ann", 3600.0).allowed for _ in range(5)]
    assert allowed == [True, True, True, False, False]


def test_a_clock_set_back_neither_fills_nor_empties(limiter: RateLimiter) -> None:
    for _ in range(3):
        limiter.ask("ann", 100.0)
    assert not limiter.ask("ann", 50.0).allowed
    assert limiter.ask("ann", 100.5).allowed


def test_only_full_buckets_are_forgotten(limiter: RateLimiter) -> None:
    limiter.ask("ann", 0.0)
    limiter.ask("bob", 9.9)
    assert limiter.forget_idle(10.0) == 1
    assert limiter.forget_idle(11.0) == 1


@pytest.mark.parametrize(
    ("per_second", "burst"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (float("inf"), 1), (1.0, 0)]
)
def test_a_rate_that_lets_nobody_in_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ValueError, match="lets nobody in"):
        Rate(per_second, burst)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_over_a_long_time_nobody_gets_more_than_the_rate(seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311 - reproducible, not secret
    limiter = RateLimiter(Rate(per_second=5.0, burst=10))
    now_s, allowed = 0.0, 0
    for _ in range(60_000):
        now_s += moments.expovariate(50.0)
        allowed += limiter.ask("ann", now_s).allowed
    assert 0.99 * (now_s * 5.0) < allowed <= now_s * 5.0 + 10
