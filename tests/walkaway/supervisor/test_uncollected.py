"""Workers that cannot collect, or collect different tests: verdict and failure say why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.support.scratch import Live, Scratch, limits, xdist
from walkaway import text as style
from walkaway.model import causes
from walkaway.record import reader
from walkaway.runs import status
from walkaway.views import failures

if TYPE_CHECKING:
    from walkaway.model.causes import Cause

TESTS = """
    import pytest

    @pytest.mark.parametrize("n", range(9))
    def test_n(n): pass
"""


def found_causes(live: Live) -> list[Cause]:
    return causes.group(reader.all_events(live.record.path("failures.jsonl")))


def failures_text(scratch: Scratch, live: Live) -> str:
    """Return what `inv failures` says."""
    look = status.look(scratch.records, live.record)
    return "\n".join(
        failures.lines(look, found_causes(live), style.Style(width=200), len(found_causes(live)))
    )


def ended(scratch: Scratch, *args: str) -> tuple[Live, dict[str, Any]]:
    live = scratch.start(*args, limits=limits(deadline_s=60))
    return live, live.outcome()


@pytest.mark.parametrize("mode", ["load", "loadfile", "worksteal", "each"])
def test_a_conftest_that_fails_in_every_worker_is_a_collection_error(
    scratch: Scratch, mode: str
) -> None:
    scratch.write("test_a.py", TESTS)
    scratch.write(
        "conftest.py",
        """
        import os

        def connect():
            raise RuntimeError("no database for " + os.environ["PYTEST_XDIST_WORKER"])

        if "PYTEST_XDIST_WORKER" in os.environ:
            connect()
        """,
    )
    live, outcome = ended(scratch, *xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("collection-error", 2)
    assert outcome["collection_errors"] == 1
    (cause,) = found_causes(live)
    assert cause.type == "RuntimeError"
    assert cause.message in {"no database for gw0", "no database for gw1"}
    assert cause.at == "conftest.py:5 in connect"
    assert cause.ids == ("conftest.py",)
    assert 'raise RuntimeError("no database for "' in failures_text(scratch, live)


def test_workers_that_are_killed_before_they_collect_are_no_empty_run(scratch: Scratch) -> None:
    scratch.write("test_a.py", TESTS)
    scratch.write(
        "conftest.py",
        "import os\nif 'PYTEST_XDIST_WORKER' in os.environ: os.kill(os.getpid(), 9)\n",
    )
    live, outcome = ended(scratch, *xdist("load"))
    assert (outcome["outcome"], outcome["code"]) == ("collection-error", 2)
    (cause,) = found_causes(live)
    assert cause.message.startswith("a worker ended before it had collected")


def test_one_worker_that_cannot_collect_is_named_beside_what_the_others_have_run(
    scratch: Scratch,
) -> None:
    scratch.write("test_a.py", TESTS)
    scratch.write(
        "conftest.py",
        """
        import glob, os, time

        def collected():
            (events,) = glob.glob("logs/tests/pytest/*/events.jsonl")
            with open(events) as file:
                return '"collected"' in file.read()

        # Without a word of another, xdist would end the run before it had collected.
        if os.environ.get("PYTEST_XDIST_WORKER") == "gw1":
            until = time.monotonic() + 50
            while not collected() and time.monotonic() < until:
                time.sleep(0.02)
            raise RuntimeError("no database")
        """,
    )
    _, outcome = ended(scratch, *xdist("load"))
    assert outcome["reported"] == outcome["expected"] == 9
    notes = "\n".join(outcome["notes"])
    assert "a worker ended before it had collected: RuntimeError: no database" in notes
    assert "between two tests" not in notes


@pytest.mark.parametrize("mode", ["load", "loadfile", "worksteal"])
def test_different_collections_are_told_by_their_difference(scratch: Scratch, mode: str) -> None:
    scratch.write(
        "test_a.py",
        TESTS
        + """
    import os

    @pytest.mark.parametrize("worker", [os.environ.get("PYTEST_XDIST_WORKER")])
    def test_mine(worker): pass
    """,
    )
    live, outcome = ended(scratch, *xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("collection-error", 2)
    text = failures_text(scratch, live)
    assert "only in gw0 test_a.py::test_mine[gw0]" in text
    assert "only in gw1 test_a.py::test_mine[gw1]" in text
    assert "--rerun" not in text
    assert "--result" not in text
    (cause,) = found_causes(live)
    assert {row for row in cause.text.splitlines() if "test_mine" in row and row[0] in "+-"} in (
        {"-test_a.py::test_mine[gw0]", "+test_a.py::test_mine[gw1]"},
        {"+test_a.py::test_mine[gw0]", "-test_a.py::test_mine[gw1]"},
    )


def test_different_orders_are_told_by_where_they_part(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import os, pytest

        order = [1, 2, 3] if os.environ.get("PYTEST_XDIST_WORKER") == "gw0" else [1, 3, 2]

        @pytest.mark.parametrize("n", order)
        def test_n(n): pass
        """,
    )
    live, outcome = ended(scratch, *xdist("load"))
    assert (outcome["outcome"], outcome["code"]) == ("collection-error", 2)
    text = failures_text(scratch, live)
    assert "collected the same tests in different orders: number 2 is test_a.py::test_n[" in text
