"""What has to be equal, from pytest's raw reports alone: nothing of Walkaway's folds is used.

Pure: reports and records in, differences out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET

from tests.walkaway.soak.running import Recorded, Seen

Report = tuple[str, str, str, bool, bool]
Results = dict[str, list[str]]
"""Results by id; more than one for an id that was collected more than once."""


def results(reports: Iterable[Report]) -> Results:
    """Fold raw reports to one result a test: a test ends with its teardown's report."""
    found: dict[str, list[str]] = defaultdict(list)
    phases: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        nodeid, when, *_ = report
        phases[nodeid].append(report)
        if when in {"teardown", "???"}:
            found[nodeid].append(_result(phases.pop(nodeid)))
    for nodeid, rest in phases.items():  # a protocol without teardown
        found[nodeid].append(_result(rest))
    return dict(found)


def _result(phases: list[Report]) -> str:
    words = {_word(report) for report in phases}
    for word in ("crashed", "failed", "error", "xfailed", "skipped", "xpassed"):
        if word in words:
            return word
    return "passed"


def _word(report: Report) -> str:
    _, when, outcome, expected, subtest = report
    if when == "???":
        return "crashed"
    if outcome == "failed":
        return "failed" if when == "call" else "error"
    if subtest:  # one that passed or was skipped is no result of its test
        return "passed"
    if outcome == "skipped":
        return "xfailed" if expected else "skipped"
    return "xpassed" if expected else "passed"


def of_record(recorded: Recorded) -> Results:
    """Return the results that the record holds."""
    pairs = zip(recorded.ids, recorded.book.rows, strict=True)
    return {nodeid: row.results for nodeid, row in pairs if row.results}


def differing(one: Results, other: Results) -> set[str]:
    """Return the ids whose results differ, in number or kind."""
    return {
        i for i in one.keys() | other.keys() if sorted(one.get(i, ())) != sorted(other.get(i, ()))
    }


def said(summary: str) -> dict[str, int]:
    """Return the numbers of pytest's last line by its words."""
    return {word: int(n) for n, word in re.findall(r"(\d+) ([a-z]+(?: [a-z]+)?)", summary)}


def spoken(seen: Seen) -> dict[str, int]:
    """Return the numbers that pytest's last line must show for these reports, warnings apart.

    It counts reports, not tests: a failed call with a failed teardown is there twice. Subtests
    that passed are left out: their number is shown or not, by verbosity.
    """
    found: Counter[str] = Counter()
    for _, outcome in seen.collectors:
        found["errors" if outcome == "failed" else outcome] += 1
    for report in seen.reports:
        _, when, outcome, _, subtest = report
        word = _word(report)
        if subtest and outcome == "passed":
            continue
        if word != "passed" or when == "call":
            found["errors" if word == "error" else "failed" if word == "crashed" else word] += 1
    found["deselected"] = seen.deselected
    if found["errors"] == 1:
        found["error"] = found.pop("errors")
    return {word: n for word, n in found.items() if n}


def cases(suite: ET.Element) -> Counter[tuple[str, str, tuple[str, ...]]]:
    """Return the testcases of a JUnit report with what became of them."""
    return Counter(
        (
            case.get("classname", ""),
            case.get("name", ""),
            tuple(sorted({child.tag for child in case if not child.tag.startswith("system-")})),
        )
        for case in suite.iter("testcase")
    )


def totals(suite: ET.Element) -> dict[str, int]:
    """Return the counts that a JUnit report carries at its head."""
    return {name: int(suite.get(name, "-1")) for name in ("tests", "failures", "errors", "skipped")}


def totals_by_case(seen: Seen) -> dict[str, int]:
    """Return the counts of pytest's JUnit head, each testcase below it counted once.

    Its head counts reports: a subtest that passed is a test more, and a module that is skipped
    as a module and as a doctest is two, of one testcase.
    """
    found = totals(seen.junit)
    skipped = [nodeid for nodeid, outcome in seen.collectors if outcome == "skipped"]
    twice = len(skipped) - len(set(skipped))
    subtests = sum(subtest and what == "passed" for _, _, what, _, subtest in seen.reports)
    return found | {
        "tests": found["tests"] - subtests - twice,
        "skipped": found["skipped"] - twice,
    }


def counts(seen: Results) -> dict[str, int]:
    """Return how many tests have which result."""
    return dict(Counter(result for found in seen.values() for result in found))


def nonzero(found: Mapping[str, int]) -> dict[str, int]:
    """Return counts without those that are 0."""
    return {name: n for name, n in found.items() if n}


def of_seen(seen: Seen) -> Results:
    """Return the results that the witness saw."""
    return results(seen.reports)
