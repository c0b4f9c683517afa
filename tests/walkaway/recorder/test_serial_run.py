"""A serial run is recorded as it happened, test by test."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project

RESULTS = """
    import pytest

    def test_passed(): pass
    def test_failed(): assert 1 == 2
    @pytest.fixture
    def broken_setup(): raise RuntimeError("no setup")
    @pytest.fixture
    def broken_teardown():
        yield
        raise RuntimeError("no teardown")
    def test_setup(broken_setup): pass
    def test_teardown(broken_teardown): pass
    def test_both(broken_teardown): assert 0
    @pytest.mark.skip(reason="not today")
    def test_skip(): pass
    def test_skips_itself(): pytest.skip("no network")
    @pytest.mark.xfail(reason="known bug")
    def test_xfail(): assert 0
    @pytest.mark.xfail(run=False, reason="hangs")
    def test_xfail_not_run(): assert 0
    @pytest.mark.xfail
    def test_xpass(): pass
    @pytest.mark.xfail(strict=True, reason="fixed?")
    def test_xpass_strict(): pass
    def test_skip_in_teardown(request):
        request.addfinalizer(lambda: pytest.skip("late"))
"""


def test_a_passing_run_tells_its_whole_story_in_order(project: Project) -> None:
    project.write(test_it="def test_a(): pass\ndef test_b(): pass\n")
    run = project.run()
    assert run.wait() == 0
    kinds = [event["e"] for event in run.events()]
    assert kinds == [
        *("loaded", "configured", "collected", "k", "loop"),
        *("s", "f", "s", "f", "finish", "end"),
    ]
    loaded = run.one("loaded")
    assert loaded["pid"] == run.process.pid
    assert (loaded["pass"], loaded["pytest"]) == (1, pytest.__version__)
    assert loaded["python"] == ".".join(map(str, sys.version_info[:3]))
    configured = run.one("configured")
    assert (configured["rootdir"], configured["list"]) == (str(project.root), False)
    collected = run.one("collected")
    assert (collected["n"], collected["unique"], collected["dup"]) == (2, 2, {})
    assert collected["workers"] == []
    end = run.one("end")
    assert (end["exit"], end["n"], end["c"]) == (0, 2, {"passed": 2})
    assert (end["dropped"], end["x"], end["fl"]) == (0, 0, [])
    times = [event["t"] for event in run.events()]
    assert times == sorted(times)
    assert 0 <= times[0] < 60


def test_every_test_gets_exactly_one_result(project: Project) -> None:
    project.write(test_it=RESULTS)
    run = project.run()
    assert dict(run.results()) == {
        "test_passed": "passed",
        "test_failed": "failed",
        "test_setup": "error",
        "test_teardown": "error",
        "test_both": "failed",
        "test_skip": "skipped",
        "test_skips_itself": "skipped",
        "test_xfail": "xfailed",
        "test_xfail_not_run": "xfailed",
        "test_xpass": "xpassed",
        "test_xpass_strict": "failed",
        "test_skip_in_teardown": "passed",
    }
    assert len(run.results()) == 12
    end = run.one("end")
    assert end["n"] == sum(end["c"].values()) == 12
    assert (end["exit"], run.errors()) == (1, [])


def test_skips_and_expected_failures_carry_their_reason(project: Project) -> None:
    project.write(test_it=RESULTS)
    run = project.run()
    reasons = {run.ids()[e["i"]].partition("::")[2]: e["m"] for e in run.events("f") if "m" in e}
    assert reasons == {
        "test_skip": "not today",
        "test_skips_itself": "no network",
        "test_xfail": "known bug",
        "test_xfail_not_run": "[NOTRUN] hangs",
    }


def test_durations_are_told_in_milliseconds_by_phase(project: Project) -> None:
    project.write(
        test_it="""
        import time, pytest
        @pytest.fixture
        def slow():
            time.sleep(0.02)
            yield
            time.sleep(0.04)
        def test_slow(slow): time.sleep(0.08)
        """
    )
    setup, call, teardown = project.run().one("f")["d"]
    assert setup >= 20
    assert call >= 80
    assert teardown >= 40


@pytest.mark.parametrize("args", [("--collect-only",), ("--fixtures",), ("--setup-plan",)])
def test_a_listing_says_that_it_runs_nothing(project: Project, args: tuple[str, ...]) -> None:
    project.write(test_it="def test_a(): pass\n")
    run = project.run(*args)
    assert run.wait() == 0
    assert run.one("configured")["list"] is True
    assert run.events("loop", "s", "f") == []
    assert run.one("end")["exit"] == 0


def test_ids_of_any_form_are_found_by_their_number(project: Project) -> None:
    strange = [
        "new\nline",
        "\r",
        "nul\0",
        '"quoted',
        "\ud800 alone",
        "é",
        "x" * 10_000,
        "tab\t",
        "",
    ]
    project.write(
        conftest=f"""
        def pytest_collection_modifyitems(items):
            for item, name in zip(items, {strange!r}):
                item._nodeid = name
                if hasattr(item, "_id"):
                    item._id = type(item._id)(path=name)
        """,
        test_it="".join(f"def test_{n}(): pass\n" for n in range(len(strange))),
    )
    run = project.run("-p", "no:terminal")
    assert run.errors() == []
    assert run.ids() == strange
    assert [event["i"] for event in run.events("f")] == list(range(len(strange)))
    plain = (run.folder / "collected.txt").read_bytes().split(b"\n")
    assert json.loads(plain[3]) == '"quoted'
    assert plain[5] == "é".encode()


def test_a_test_that_is_collected_twice_counts_twice(project: Project) -> None:
    project.write(test_it="def test_a(): pass\ndef test_b(): pass\n")
    run = project.run("--keep-duplicates", "test_it.py", "test_it.py::test_a", "test_it.py")
    collected = run.one("collected")
    assert collected["n"] == len(run.events("f")) == run.one("end")["n"]
    assert collected["unique"] == len(run.ids()) == 2
    assert sum(collected["dup"].values()) + 2 - len(collected["dup"]) == collected["n"]
    assert collected["dup"], "pytest no longer keeps duplicates here"


def test_deselected_tests_are_counted_and_not_expected(project: Project) -> None:
    project.write(test_it="def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n")
    run = project.run("-k", "not test_b")
    collected = run.one("collected")
    assert (collected["n"], collected["deselected"]) == (2, 1)
    assert run.ids() == ["test_it.py::test_a", "test_it.py::test_c"]


def test_a_test_that_appears_after_collection_gets_a_number(project: Project) -> None:
    project.write(
        conftest="""
        def pytest_runtest_protocol(item, nextitem):
            item.ihook.pytest_runtest_logstart(nodeid="made-up", location=item.location)
            from _pytest.reports import TestReport
            for when in ("setup", "call", "teardown"):
                item.ihook.pytest_runtest_logreport(report=TestReport(
                    "made-up", item.location, {}, "passed", None, when))
        """,
        test_it="def test_a(): pass\n",
    )
    run = project.run()
    assert run.ids() == ["test_it.py::test_a", "made-up"]
    assert sorted(event["i"] for event in run.events("f")) == [0, 1]


def test_a_test_without_a_teardown_still_gets_its_result(project: Project) -> None:
    project.write(
        conftest="""
        from _pytest.reports import TestReport
        def pytest_runtest_protocol(item, nextitem):
            ihook = item.ihook
            ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            ihook.pytest_runtest_logreport(report=TestReport(
                item.nodeid, item.location, {}, "passed", None, "call"))
            ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
            return True
        """,
        test_it="def test_a(): pass\ndef test_b(): pass\n",
    )
    run = project.run()
    assert run.results() == [("test_a", "passed"), ("test_b", "passed")]
    assert run.one("end")["n"] == 2


def test_checkpoints_carry_the_counters_and_the_tests_in_flight(project: Project) -> None:
    project.write(test_it="".join(f"def test_{n}(): pass\n" for n in range(1500)))
    run = project.run("-p", "no:terminal")
    assert len(run.events("k")) >= 3
    reported = 0
    for event in run.events():
        reported += event["e"] == "f"
        if event["e"] == "k":
            assert event["n"] == 1500
            assert sum(event["c"].values()) == reported
    data = (run.folder / "events.jsonl").read_bytes()
    places = [at for at in range(len(data)) if data.startswith(b'{"e":"k"', at)]
    assert max(b - a for a, b in zip(places, [*places[1:], len(data)], strict=True)) < 70_000
