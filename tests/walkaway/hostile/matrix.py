"""All cases, and which of them run by default."""

from tests.walkaway.hostile import (
    blocks,
    closes,
    collection,
    exhausts,
    exits,
    fixtures,
    forks_and_execs,
    replaces,
    reports,
)
from tests.walkaway.hostile.case import Case, Ended
from tests.walkaway.hostile.forked import FORKED

CASES = (
    *closes.CASES,
    *replaces.CASES,
    *exhausts.CASES,
    *forks_and_execs.CASES,
    *exits.CASES,
    *blocks.CASES,
    *reports.CASES,
    *fixtures.CASES,
    *collection.CASES,
)
_CRASHED = Ended(hostile="crashed")


def daily(case: Case, mode: str) -> bool:
    """Tell what runs by default: all serial ones, and over workers where that is another matter.

    That a worker's crash costs its own test alone has tests of its own; the rest runs with `soak`.
    """
    if mode == "serial":
        return True
    if mode == "forks":
        return case.name in FORKED and case.bare is not None
    return case.spread is not None and case.spread != _CRASHED


ALL = tuple((case, mode) for case in CASES for mode in case.modes)
