"""Exact confidence bounds on a failure rate, from failures and attempts."""

from __future__ import annotations

import math
from collections.abc import Callable

CONFIDENCE = 0.95
_HALVINGS = 60
"""Halvings of [0, 1] in the bisection: more than a float can distinguish."""


def clopper_pearson(failures: int, attempts: int) -> tuple[float, float]:
    """Return the exact two-sided 95 % interval of a rate (Clopper and Pearson, 1934).

    (0, 1) without any attempt: nothing is known.
    """
    if attempts <= 0:
        return 0.0, 1.0
    tail = (1 - CONFIDENCE) / 2
    low, high = 0.0, 1.0
    if failures > 0:
        low = _root(lambda rate: 1 - _at_most(failures - 1, attempts, rate) - tail)
    if failures < attempts:
        high = _root(lambda rate: tail - _at_most(failures, attempts, rate))
    return low, high


def ruled_out(attempts: int) -> float:
    """Return the failure rate that would have shown at least once, with 95 % probability.

    One-sided: 10 clean attempts rule out 25.9 % and more, 59 rule out 5 %.
    """
    return 1.0 if attempts <= 0 else 1 - (1 - CONFIDENCE) ** (1 / attempts)


def attempts_to_see(rate: float) -> int:
    """Return how many attempts show a failure of this rate at least once, at 95 % confidence."""
    return max(1, math.ceil(math.log(1 - CONFIDENCE) / math.log(1 - rate)))


def _at_most(most: int, attempts: int, rate: float) -> float:
    """Return the binomial probability of at most ``most`` failures."""
    if rate <= 0:
        return 1.0
    if rate >= 1:
        return 1.0 if most >= attempts else 0.0
    hit, miss = math.log(rate), math.log1p(-rate)
    whole = math.lgamma(attempts + 1)
    return math.fsum(
        math.exp(
            whole
            - math.lgamma(k + 1)
            - math.lgamma(attempts - k + 1)
            + k * hit
            + (attempts - k) * miss
        )
        for k in range(most + 1)
    )


def _root(rising: Callable[[float], float]) -> float:
    """Return where a function that rises over [0, 1] crosses zero, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
