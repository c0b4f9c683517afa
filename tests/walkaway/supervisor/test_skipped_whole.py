"""Modules that skip themselves during collection are reported, as their tests are not known.

Each counts as one skipped test, as it does in pytest's own summary.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.walkaway.support.scratch import Scratch, xdist

_GONE = """
    import pytest
    pytest.importorskip("no_such_module")
    def test_never(): pass
"""


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_modules_skipped_whole_are_named_counted_and_stand_in_the_junit_report(
    scratch: Scratch, mode: str
) -> None:
    scratch.write("deep/test_gone.py", _GONE)
    scratch.write("test_lost_too.py", _GONE)
    scratch.write("test_here.py", "def test_a(): pass")
    theirs = scratch.root / "theirs.xml"
    live = scratch.start("--junitxml", str(theirs), *xdist(mode))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["counts"]) == ("passed", {"passed": 1, "skipped": 2})
    assert outcome["expected"] == outcome["reported"] == 3
    assert outcome["notes"] in (
        [f"skipped as a whole during collection: {name} and 1 more"]
        for name in ("deep/test_gone.py", "test_lost_too.py")
    )
    assert "1 passed, 2 skipped" in live.log()
    assert _heads(live.record.path("junit.xml").read_bytes()) == _heads(theirs.read_bytes())


def test_a_run_of_nothing_but_skipped_modules_has_no_tests(scratch: Scratch) -> None:
    scratch.write("test_gone.py", _GONE)
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("no-tests", 5)
    assert outcome["counts"] == {"skipped": 1}


def test_a_second_pass_counts_no_module_twice(scratch: Scratch) -> None:
    scratch.write("test_gone.py", _GONE)
    killer = "import os, pytest\n@pytest.mark.parametrize('n', range(24))\n"
    scratch.write("test_kill.py", killer + "def test_n(n): n in (3, 9) and os._exit(7)\n")
    outcome = scratch.run(*xdist("load"))
    assert outcome["counts"] == {"passed": 22, "crashed": 2, "skipped": 1}
    assert (outcome["passes"], outcome["expected"]) == (2, 25)


_KINDS = """
    import pytest
    @pytest.mark.xfail(reason="known & <old>")
    def test_xfailed(): assert 0
    @pytest.mark.xfail
    def test_bare(): assert 0
    @pytest.mark.xfail(run=False, reason="hangs")
    def test_not_run(): pass
    def test_called(): pytest.xfail("midway")
    @pytest.mark.xfail
    def test_xpassed(): pass
    @pytest.mark.skip(reason="not now")
    def test_skipped(): pass
    def test_skips(): pytest.skip("midway")
"""


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_skips_and_expected_failures_stand_in_the_junit_report_as_pytest_has_them(
    scratch: Scratch, mode: str
) -> None:
    scratch.write("test_a.py", _KINDS)
    theirs = scratch.root / "theirs.xml"
    live = scratch.start("--junitxml", str(theirs), *xdist(mode))
    assert live.outcome()["outcome"] == "passed"
    ours = live.record.path("junit.xml").read_bytes()
    assert _heads(ours) == _heads(theirs.read_bytes())
    assert _skips(ours) == _skips(theirs.read_bytes())
    assert _skips(ours)["test_xfailed"] == ("pytest.xfail", "known & <old>")


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


def _skips(report: bytes) -> dict[str | None, tuple[str | None, str | None]]:
    suite = ET.fromstring(report)[0]  # noqa: S314 - made by this test
    return {
        case.get("name"): (case[0].get("type"), case[0].get("message"))
        for case in suite
        if len(case) and case[0].tag == "skipped"
    }
