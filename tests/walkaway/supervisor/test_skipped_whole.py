"""Modules that skip themselves while collected: none of their tests is known, so they are told."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.walkaway.support.scratch import Scratch

_GONE = """
    import pytest
    pytest.importorskip("no_such_module")
    def test_never(): pass
"""


def test_modules_skipped_whole_are_named_and_stand_in_the_junit_report(scratch: Scratch) -> None:
    scratch.write("deep/test_gone.py", _GONE)
    scratch.write("test_lost_too.py", _GONE)
    scratch.write("test_here.py", "def test_a(): pass")
    theirs = scratch.root / "theirs.xml"
    live = scratch.start("--junitxml", str(theirs))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["counts"], outcome["expected"]) == (
        "passed",
        {"passed": 1},
        1,
    )
    assert outcome["notes"] == ["skipped whole at collection: deep/test_gone.py and 1 more"]
    assert _heads(live.record.path("junit.xml").read_bytes()) == _heads(theirs.read_bytes())


def test_collection_errors_are_named_in_the_junit_report_as_pytest_names_them(
    scratch: Scratch,
) -> None:
    scratch.write("deep/test_broken.py", "import no_such_module")
    theirs = scratch.root / "theirs.xml"
    live = scratch.start("--junitxml", str(theirs))
    assert live.outcome()["outcome"] == "collection-error"
    assert _heads(live.record.path("junit.xml").read_bytes()) == _heads(theirs.read_bytes())


def _heads(report: bytes) -> tuple[dict[str, str | None], list[tuple[str | None, ...]]]:
    suite = ET.fromstring(report)[0]  # noqa: S314 - made by this test
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    cases = [(case.get("classname"), case.get("name"), case[0].tag) for case in suite if len(case)]
    return counts, sorted(cases, key=str)
