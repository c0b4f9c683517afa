"""All cases, and those whose verdict is still to be mended."""

from collections.abc import Mapping

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
from tests.walkaway.hostile.case import MODES, Case, Ended

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
PENDING: Mapping[tuple[str, str], str] = {
    ("replaces-json-dumps", "serial"): "2: an error while a failure is recorded",
    ("replaces-json-encoders", "serial"): "2: an error while a failure is recorded",
    ("exits-at-once-at-the-sessions-end", "serial"): "3: a zero exit beside failures",
    ("exits-at-once-at-the-sessions-end", "n2"): "3: a zero exit beside failures",
    ("exits-at-once-after-pytests-end", "serial"): "3: a zero exit beside failures",
    ("exits-at-once-after-pytests-end", "n2"): "3: a zero exit beside failures",
    ("exits-by-pytest-with-0", "serial"): "4: lost in the verdict, not-run in the results",
    ("allows-no-file-to-grow", "serial"): "13: RLIMIT_FSIZE",
    ("allows-no-file-to-grow-captured", "serial"): "13: RLIMIT_FSIZE",
    ("reports-a-lone-surrogate", "n2"): "14: a report that xdist cannot send",
    ("reports-bytes", "n2"): "14: a report that xdist cannot send",
    ("reports-an-object", "n2"): "14: a report that xdist cannot send",
    ("records-a-property-that-nobody-can-send", "n2"): "14: a report that xdist cannot send",
    ("reports-odd-sections", "n2"): "14: a report that xdist cannot send",
    ("makes-its-failure-an-outcome-unheard-of", "serial"): "22: an unknown outcome",
    ("makes-its-failure-an-outcome-unheard-of", "n2"): "22: an unknown outcome",
    ("closes-every-descriptor", "serial"): "23: a test that closes all descriptors",
    ("closes-the-capture-files", "serial"): "23: a test that closes all descriptors",
    ("execs-itself-from-conftest", "serial"): "23: an exec before the first test",
    ("execs-itself-from-conftest", "n2"): "23: an exec before the first test",
    ("conftest-raises-in-workers-alone", "n2"): "23: a conftest that fails in every worker",
}
"""(case, mode): item of the issue. Whoever mends one takes its line out: a pass here fails."""
GREENER = frozenset({("replaces-json-dumps", "serial"), ("replaces-json-encoders", "serial")})
"""Those among them that are greener than bare pytest; the others only say too little."""

_CRASHED = Ended(hostile="crashed")


def daily(case: Case, mode: str) -> bool:
    """Tell what runs by default: all serial ones, and over workers where that is another matter.

    That a worker's crash costs its own test alone has tests of its own; the rest runs with `soak`.
    """
    if mode == "serial":
        return True
    other = case.spread is not None and case.spread != _CRASHED
    return other or (case.name, mode) in PENDING


ALL = tuple((case, mode) for case in CASES for mode in MODES)
