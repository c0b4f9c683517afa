"""Where two plugins meet, or pytest surprises: what Walkaway answers.

The rows of the guide's table that have an answer of ours; what pytest does there alone is shown by
the scripts in findings/.
"""

from __future__ import annotations

import pytest

from tests.walkaway.hostile.running import results
from tests.walkaway.support.scratch import Scratch, limits
from tests.walkaway.support.waiting import wait_for

ASYNCIO = ("-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function")


@pytest.mark.parametrize(
    ("args", "code"), [((), 1), (("-p", "xdist", "-n", "1"), 2)], ids=["serial", "n1"]
)
def test_a_test_with_a_failing_subtest_counts_once(
    scratch: Scratch, args: tuple[str, ...], code: int
) -> None:
    scratch.write(
        "test_it.py",
        """
        def test_first(subtests):
            with subtests.test("one"):
                assert 0

        def test_next(): pass
        """,
    )
    live = scratch.start("--maxfail=2", *args)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("failed", code)
    assert outcome["counts"]["failed"] == 1
    assert results(live, outcome)["first"] == "failed"


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.soak)])
def test_a_crash_whose_rerun_never_comes_is_not_green(scratch: Scratch, workers: str) -> None:
    scratch.write(
        "test_it.py",
        """
        import os, time

        def test_first(): pass
        def test_dies(): time.sleep(0.3); os._exit(1)  # the plugin's socket is told in passing
        def test_third(): pass
        def test_fourth(): pass
        """,
    )
    spread = ("-p", "xdist", "-n", workers, "--max-worker-restart=0")
    live = scratch.start(*spread, "-p", "rerunfailures", "--reruns=1")
    outcome = live.outcome()
    assert outcome["code"] in {1, 65}
    found = results(live, outcome)
    assert found["dies"] in {"crashed", "lost"}
    assert {found["first"], found["third"], found["fourth"]} <= {"passed", "lost"}


def test_the_deadline_holds_where_a_failure_took_the_limit_off(scratch: Scratch) -> None:
    scratch.write(
        "test_it.py",
        """
        import time, pytest

        @pytest.fixture
        def closing():
            yield
            time.sleep(600)

        def test_before(): pass
        def test_fails(closing): assert 0, "the failure"
        """,
    )
    live = scratch.start("-p", "timeout", "--timeout=1", limits=limits(deadline_s=2.5, grace_s=0.5))
    with live.supervisor_held():
        wait_for(lambda: len(live.events("s")) > 1, "the second test")
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("timed-out", 124)
    assert [stuck["id"] for stuck in outcome["stuck"]] == ["test_it.py::test_fails"]
    assert "closing" in str(outcome["stuck"])
    assert "the failure" in live.record.path("failures.jsonl").read_text()


@pytest.mark.parametrize(
    ("mark", "result", "code"), [("xfail", "xpassed", 0), ("xfail(strict=True)", "failed", 1)]
)
def test_an_expected_failure_of_a_subtest_is_told_as_pytest_tells_it(
    scratch: Scratch, mark: str, result: str, code: int
) -> None:
    scratch.write(
        "test_it.py",
        f"""
        import pytest

        @pytest.mark.{mark}
        def test_it(subtests):
            with subtests.test("one"):
                assert 0
        """,
    )
    live = scratch.start()
    outcome = live.outcome()
    assert outcome["code"] == code
    assert results(live, outcome) == {"it": result}


def test_a_stop_ends_a_run_whose_test_uses_up_the_interrupt(scratch: Scratch) -> None:
    scratch.write(
        "test_it.py",
        """
        import asyncio, pathlib, time, pytest

        @pytest.mark.asyncio
        async def test_cleans_up():
            pathlib.Path("in").touch()
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                pass

        def test_next():
            time.sleep(600)
        """,
    )
    live = scratch.start(*ASYNCIO)
    wait_for((scratch.root / "in").exists, "the async test")
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("stopped", 2)
    assert results(live, outcome)["next"] == "no-result"


def test_a_module_that_skips_itself_is_named_though_none_of_its_tests_is_known(
    scratch: Scratch,
) -> None:
    skipped = "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass\n"
    scratch.write("test_whole.py", skipped)
    scratch.write("test_other.py", "def test_other(): pass\n")
    live = scratch.start()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["counts"].get("passed")) == ("passed", 1)
    assert any("test_whole.py" in note for note in outcome["notes"])
