"""The numbers that a CI server reads from junit.xml."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.walkaway.views import samples
from walkaway.model import ledger
from walkaway.model.vocabulary import Outcome
from walkaway.record import junit


def test_the_counts_of_the_suite_are_those_of_its_cases() -> None:
    results = ("passed", "failed", "error", "crashed", "skipped", "xfailed", "")
    names = [f"tests/a.py::test_{n}" for n in range(len(results))]
    events = [
        {"e": "collected", "t": 0.0, "n": len(names), "unique": len(names)},
        *({"e": "f", "t": 0.1, "i": n, "r": word} for n, word in enumerate(results) if word),
    ]
    book = ledger.build(names, events)
    suite = ET.fromstring(junit.render(samples.RUN, names, book, [], Outcome.FAILED))[0]  # noqa: S314 - our own
    found = {tag: len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "error", "skipped")}
    assert found == {"failure": 1, "error": 3, "skipped": 2}
    told = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert told == {"tests": "7", "failures": "1", "errors": "3", "skipped": "2"}
