"""Reports that xdist cannot send: the failure still arrives, and nothing is lost with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from walkaway_recorder import sendable

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project

MODES = [(), ("-p", "xdist", "-n2"), ("-p", "xdist", "-n2", "--dist", "loadscope")]

SURROGATES = """
    import os, pytest, warnings
    def test_message(): raise ValueError(os.fsdecode(b"caf\\xe9"))
    def test_assertion(): assert "a\\udcff" == ""
    def test_printed(): print("\\udc80"); assert 0, "after printing"
    @pytest.mark.skip(reason="not \\udc80")
    def test_skipped(): pass
    @pytest.mark.xfail(reason="known \\udc80")
    def test_xfailed(): assert 0
    def test_warned(): warnings.warn("\\udc80")
    def test_property(record_property): record_property("what", "\\udc80")
    @pytest.fixture
    def broken():
        yield
        raise ValueError("teardown \\udc80")
    def test_teardown(broken): pass
    @pytest.mark.parametrize("n", range(8))
    def test_good(n): pass
"""
EXPECTED = {
    "test_message": "failed",
    "test_assertion": "failed",
    "test_printed": "failed",
    "test_skipped": "skipped",
    "test_xfailed": "xfailed",
    "test_warned": "passed",
    "test_property": "passed",
    "test_teardown": "error",
} | {f"test_good[{n}]": "passed" for n in range(8)}

ODD_ITEMS = """
    import pytest
    class Thing:
        def __str__(self): return "the thing failed"
    class Shown(Thing):
        def toterminal(self, tw): tw.line("shown")
    SAYS = {"bytes": b"raw \\xff", "thing": Thing(), "shown": Shown(), "number": 5,
            "mapping": {"what": Thing()}, "text": "plain"}
    class Odd(pytest.Item):
        def __init__(self, *, what, **more):
            super().__init__(**more)
            self.what = what
        def runtest(self): raise ValueError("boom")
        def repr_failure(self, excinfo): return SAYS[self.what]
        def reportinfo(self): return self.path, 0, self.name
    class File(pytest.File):
        def collect(self):
            for what in SAYS:
                yield Odd.from_parent(self, name=what, what=what)
    def pytest_collect_file(file_path, parent):
        if file_path.name == "test_odd.py":
            return File.from_parent(parent, path=file_path)
"""


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode[-1] if mode else "serial")
def test_lone_surrogates_lose_no_failure(project: Project, mode: tuple[str, ...]) -> None:
    project.write(test_it=SURROGATES)
    run = project.run(*mode, "-W", "ignore::pytest.PytestWarning")
    assert run.wait() == 1, run.log
    assert dict(run.results()) == EXPECTED
    assert run.events("ie") == []
    assert all(event["m"] is None for event in run.events("wdown"))
    said = {line["id"].partition("::")[2]: line for line in run.failures()}
    assert said["test_message"]["msg"].startswith("caf")
    assert said["test_message"]["at"] == "test_it.py:3 in test_message"
    assert run.errors() == []


@pytest.mark.parametrize("mode", MODES[:2], ids=["serial", "xdist"])
def test_two_tests_do_not_end_green_when_one_failed(
    project: Project, mode: tuple[str, ...]
) -> None:
    # Bare xdist: exit 0, "1 passed".
    project.write(test_it='def test_a(): assert 0, "\\udc80"\ndef test_b(): pass\n')
    run = project.run(*mode)
    assert run.wait() == 1
    assert dict(run.results()) == {"test_a": "failed", "test_b": "passed"}


@pytest.mark.parametrize("mode", MODES[:2], ids=["serial", "xdist"])
def test_what_a_custom_item_says_of_its_failure_arrives(
    project: Project, mode: tuple[str, ...]
) -> None:
    project.write(conftest=ODD_ITEMS, test_odd="", test_it="def test_good(): pass\n")
    run = project.run(*mode)
    assert run.wait() == 1, run.log
    names = ("bytes", "thing", "shown", "number", "mapping", "text")
    assert dict(run.results()) == dict.fromkeys(names, "failed") | {"test_good": "passed"}
    said = {line["id"].partition("::")[2]: line["msg"] for line in run.failures()}
    assert said["bytes"] == "b'raw \\xff'"
    assert said["thing"] == "the thing failed"
    assert said["text"] == "plain"
    assert run.errors() == []


@pytest.mark.parametrize("mode", MODES[:2], ids=["serial", "xdist"])
def test_a_file_whose_name_is_no_text_runs(project: Project, mode: tuple[str, ...]) -> None:
    name = os.fsencode(project.root) + b"/test_caf\xe9.py"
    Path(os.fsdecode(name)).write_text("def test_a(): assert 0\ndef test_b(): pass\n")
    run = project.run(*mode)
    assert run.wait() == 1, run.log
    assert sorted(result for _, result in run.results()) == ["failed", "passed"]
    assert run.errors() == []


@pytest.mark.parametrize("mode", MODES[:2], ids=["serial", "xdist"])
def test_a_collection_error_that_is_no_text_is_told(
    project: Project, mode: tuple[str, ...]
) -> None:
    project.write(test_it='raise ValueError("\\udc80")\n', test_other="def test_a(): pass\n")
    run = project.run(*mode, "--continue-on-collection-errors")
    assert run.wait() == 1, run.log
    assert run.results() == [("test_a", "passed")]
    assert {event["id"] for event in run.events("ce")} == {"test_it.py"}
    assert run.errors() == []


def test_what_can_be_sent_stays_as_it_is() -> None:
    value = {"a": [1, 2.5, None, True, b"raw", ("é", {"x"})], 3: "text"}
    assert sendable.clean(value) == value


def test_what_cannot_be_sent_becomes_text() -> None:
    class Name(str):
        __slots__ = ()

    class Broken:
        def __str__(self) -> str:
            raise ValueError

    loop: list[object] = []
    loop.append(loop)
    assert type(sendable.clean(Name("a"))) is str
    assert sendable.clean("\udc80") == "\\udc80"
    assert sendable.clean({"\udc80": Broken()}) == {"\\udc80": "<unprintable Broken: ValueError>"}
    assert isinstance(sendable.clean(loop), list)
