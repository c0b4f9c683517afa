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
from tests.walkaway.hostile.case import Case
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
_IN_WORKERS_ALONE = {"conftest-raises-in-workers-alone", "workers-collect-differently"}
"""Nothing is hostile in these where there are no xdist workers."""
_SHOWN_BY_THE_SUPERVISORS_TESTS = {
    # test_crashes.py
    "aborts",
    "exits-at-once",
    "exits-at-once-with-1",
    "kills-itself",
    "reads-through-a-null-pointer",
    "terminates-itself",
    # test_exit_statuses.py
    "exits-at-once-after-pytests-end",
    "exits-at-once-at-the-sessions-end",
    "forgives-every-failure",
    # test_limits.py
    "blocks-deaf-to-signals",
    "blocks-in-a-sleep",
    "blocks-in-an-import",
}
"""Serial, these are what tests of tests/walkaway/supervisor are about."""
_DAILY = {
    "n2": {
        *_IN_WORKERS_ALONE,
        # The worker hears the stop, does not hear it, is frozen.
        "blocks-in-a-sleep",
        "blocks-deaf-to-signals",
        "blocks-by-stopping-itself",
        # xdist's controller dies of an internal error; eight other ways lead there.
        "exits-by-pytest-with-0",
        "makes-no-report",
        # The worker goes on, and its tests fail.
        "closes-sys-stdout-and-stderr",
        "interrupts-by-exception",
        "kills-its-process-group",
        "unregisters-every-other-plugin",
    },
    # Without those whose worker dies in a way that another one shows, and what never comes back.
    "forks": {name for name in FORKED if not name.startswith("blocks-")}
    - _IN_WORKERS_ALONE
    - {
        "compares-what-cannot-be-told",
        "fixture-interrupts-in-teardown",
        "replaces-os-fstat-and-open",
    },
}

TOGETHER = tuple(
    case
    for case in CASES
    if case.name
    in {
        "exits-by-sys",
        "fixture-fails-in-setup",
        "fixture-fails-in-teardown",
        "fixture-raises-a-group-of-odd-exceptions",
        "fixture-yields-never",
        "fixture-yields-twice",
        "forks-a-child-that-fails",
        "forks-by-multiprocessing",
        "makes-its-failure-a-pass",
        "makes-its-failure-an-outcome-unheard-of",
        "makes-its-failure-expected",
        "raises-an-unheard-of-exception",
        "raises-what-cannot-be-told",
        "records-a-property-that-nobody-can-send",
        "recurses-without-end",
        "reports-a-lone-surrogate",
        "reports-odd-sections",
        "says-ten-megabytes",
    }
)
"""They leave nothing behind in their process and end alike, so that one run shows them all."""


def daily(case: Case, mode: str) -> bool:
    """Tell what runs alone by default: serial ones, and over workers one for each way of ending.

    That a worker's crash costs its own test alone has tests of its own; the rest runs with `soak`.
    """
    if mode == "serial":
        elsewhere = _IN_WORKERS_ALONE | _SHOWN_BY_THE_SUPERVISORS_TESTS
        return case.name not in elsewhere and case not in TOGETHER
    return case.name in _DAILY[mode]


ALL = tuple((case, mode) for case in CASES for mode in case.modes)
