"""A test that disturbs the recording is noted in the verdict, and no failure is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from walkaway.record import reader

if TYPE_CHECKING:
    from tests.walkaway.support.scratch import Scratch

FAILS_LATER = """
import builtins, json, os, resource, time
def test_a(): pass
def test_b():
    {damage}
def test_c(): assert 0, "the real failure"
def test_d(): pass
"""


@pytest.mark.parametrize(
    "damage",
    [
        "json.dumps = lambda *a, **k: 1 / 0",
        "os.write = time.clock_gettime = builtins.open = lambda *a, **k: 1 / 0",
    ],
)
def test_a_test_that_replaces_functions_for_good_hides_no_failure(
    scratch: Scratch, damage: str
) -> None:
    scratch.write("test_it.py", FAILS_LATER.format(damage=damage))
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 3, "failed": 1}
    assert outcome["notes"] == []


def test_a_test_that_closes_all_descriptors_is_named(scratch: Scratch) -> None:
    scratch.write("test_it.py", FAILS_LATER.format(damage="os.closerange(3, 65536)"))
    outcome = scratch.run("-s")
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"]["failed"] >= 1
    assert outcome["lost"]["n"] == 0
    assert "test_it.py::test_b closed files of pytest and of the recorder" in outcome["notes"]


@pytest.mark.parametrize("limit", [0, 200])
def test_a_test_that_limits_files_is_named(scratch: Scratch, limit: int) -> None:
    damage = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    scratch.write("test_it.py", FAILS_LATER.format(damage=damage))
    outcome = scratch.run("-s")
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 3, "failed": 1}
    limited = f"test_it.py::test_b limited files to {limit:,} bytes (RLIMIT_FSIZE)"
    assert outcome["notes"] == [
        f"{limited}: pytest could not write its log from then on",
        "1 event could not be stored (that limit)",  # the failure's text
    ]
    failed = list(reader.all_events(scratch.runs[-1].record.path("failures.jsonl")))
    assert [line["msg"] for line in failed] == ["the real failure\nassert 0"]


def test_an_error_of_the_recorder_beside_an_unknown_result_is_no_pass(scratch: Scratch) -> None:
    scratch.write("test_it.py", "def test_a(): pass\ndef test_b(): pass\n")
    scratch.write(
        "conftest.py",
        """
        import pytest
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(item):
            outcome = yield
            report = outcome.get_result()
            if item.name == "test_b" and report.when == "teardown":
                report.user_properties = Odd()
        class Odd:
            def __bool__(self): raise RuntimeError("no truth in it")
        """,
    )
    outcome = scratch.run()
    assert (outcome["outcome"], outcome["code"]) == ("incomplete", 65)
    assert outcome["lost"]["ids"] == ["test_it.py::test_b"]
    assert "the recorder had 1 error of its own: RuntimeError: no truth" in outcome["notes"][0]
