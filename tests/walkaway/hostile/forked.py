"""How suites end in forked workers, where that is neither as when serial nor as over xdist's.

A worker's death or silence costs its own test alone, and the others go on. Pure data.
"""

from collections.abc import Mapping
from dataclasses import replace

from tests.walkaway.hostile.case import Case, Ended

_CRASHED = Ended(hostile="crashed")
_BLOCKED = Ended("timed-out 124", hostile="no-result")
"""The tests after it are another worker's, which has run them when time is up."""
_STOPPED = Ended(
    "interrupted 2", hostile="no-result", after="passed|not-run|no-result",
    last="failed|not-run|no-result", elsewhere="passed|not-run|no-result",
)  # fmt: skip
_ANY = "passed|not-run|lost"

FORKED: Mapping[str, Ended] = {
    "allows-no-recursion": Ended(),
    "blocks-by-stopping-itself": _BLOCKED,
    "blocks-deaf-to-signals": _BLOCKED,
    "blocks-in-a-deadlock": _BLOCKED,
    "blocks-in-a-sleep": _BLOCKED,
    "blocks-in-teardown": _BLOCKED,
    "blocks-swallowing-every-exception": _BLOCKED,
    "blocks-with-the-interpreters-lock": _BLOCKED,
    "closes-every-file-object": Ended(hostile="failed"),
    "closes-stdin-stdout-stderr": Ended(),
    "closes-sys-stdout-and-stderr": _CRASHED,
    "compares-what-cannot-be-told": _CRASHED,
    "empties-sys-modules": Ended(
        after="passed|crashed", last="failed|crashed", elsewhere="passed|crashed"
    ),
    "makes-no-report": _CRASHED,
    "renames-its-report": Ended(hostile="unknown"),
    "replaces-os-fstat-and-open": _CRASHED,
    "conftest-raises-in-workers-alone": Ended(),
    "exits-by-pytest-with-0": Ended(
        "failed 1|incomplete 65", hostile="lost|not-run", after=_ANY, last=f"failed|{_ANY}",
        elsewhere=_ANY,
    ),
    "fixture-interrupts-in-teardown": replace(_STOPPED, hostile="passed|no-result"),
    "interrupts-by-exception": _STOPPED,
    "module-raises": Ended(
        "collection-error 2", "absent", "absent", "absent", "absent", "not-run"
    ),
    "unregisters-every-other-plugin": Ended(
        "failed 1|incomplete 65", hostile="lost", after="passed|lost", last="failed|lost",
        elsewhere="passed|lost",
    ),
    "workers-collect-differently": Ended(),
}  # fmt: skip


def expected(case: Case, mode: str) -> Ended:
    """Return how a case's run in a mode must end."""
    return FORKED[case.name] if mode == "forks" and case.name in FORKED else case.ends(mode)
