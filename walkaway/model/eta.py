"""Estimate the remaining time as a range, from this run's pace and from the last run's course."""

from __future__ import annotations

from collections.abc import Sequence

_MARGIN = 0.25
_ENOUGH = 5
_LOOSE = 0.5


def remaining_s(
    done: int, expected: int, running_s: float, curve: Sequence[tuple[int, float]] = ()
) -> tuple[float, float] | None:
    """Return (least, most) seconds to go, or None when no estimate is possible yet.

    ``running_s``: seconds since the first test began. ``curve``: (tests done, seconds) of an
    earlier run with the same arguments; its last point is the end. It is ignored unless its number
    of tests is between half and twice ``expected``.
    """
    if expected <= 0 or done >= expected:
        return None
    guesses = []
    if curve and 0.5 < curve[-1][0] / expected < 2:  # noqa: PLR2004 - else it was another selection
        share = done / expected
        guesses.append(curve[-1][1] * (1 - _elapsed_share(curve, share)))
    if done >= _ENOUGH:
        guesses.append(running_s / done * (expected - done))
    if not guesses:
        return None
    margin = _MARGIN if curve else _LOOSE
    low, high = min(guesses) * (1 - margin / 2), max(guesses) * (1 + margin)
    return round(low, 1), round(high, 1)


def _elapsed_share(curve: Sequence[tuple[int, float]], share: float) -> float:
    """Return the fraction of its time the earlier run had used at this share of its tests."""
    count, total = curve[-1]
    if not count or total <= 0:
        return share
    target = share * count
    before = (0, 0.0)
    for point in curve:
        if point[0] >= target:
            span = point[0] - before[0]
            part = (target - before[0]) / span if span else 1.0
            return min(1.0, (before[1] + part * (point[1] - before[1])) / total)
        before = point
    return 1.0
