"""A node id that runs several times: every report is in the verdict, `results` and JUnit."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from tests.walkaway.support.scratch import Live, Scratch
from walkaway.model import ledger, standing
from walkaway.model.vocabulary import Outcome
from walkaway.record import reader

EACH = ("-p", "xdist", "--tx", "2*popen", "--dist", "each")
TWICE = ("test_a.py", "test_a.py", "--keep-duplicates")
SOURCE = """
    import os
    def test_good(): pass
    def test_on_the_first(): assert os.environ.get("PYTEST_XDIST_WORKER") == "gw0"
"""


def _results(live: Live) -> Counter[tuple[str, str]]:
    names = reader.ids(live.folder)
    book = ledger.build(names, reader.all_events(live.record.path("events.jsonl")))
    return Counter(
        (name.partition("::")[2], result)
        for index, name in enumerate(names)
        for result, _ in standing.entries(index, book, Outcome.FAILED)
    )


@pytest.mark.parametrize(("args", "bad"), [(EACH, 1), (TWICE, 2)], ids=["each", "twice"])
def test_every_report_is_counted_once_and_everywhere(
    scratch: Scratch, args: tuple[str, ...], bad: int
) -> None:
    scratch.write("test_a.py", SOURCE)
    theirs = scratch.root / "theirs.xml"
    live = scratch.start(*args, "--junitxml", str(theirs))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 4 - bad, "failed": bad}
    assert outcome["expected"] == outcome["reported"] == 4
    expected = {("test_good", "passed"): 2, ("test_on_the_first", "failed"): bad}
    if bad == 1:
        expected["test_on_the_first", "passed"] = 1
    assert _results(live) == expected
    assert _cases(live.record.path("junit.xml").read_bytes()) == _cases(theirs.read_bytes())


def _cases(report: bytes) -> tuple[str | None, Counter[tuple[str | None, bool]]]:
    suite = ET.fromstring(report)[0]  # noqa: S314 - made by this test
    failed = Counter((case.get("name"), case.find("failure") is not None) for case in suite)
    return suite.get("tests"), failed
