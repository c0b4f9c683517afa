"""Odd content: output, node ids, clocks, lines."""

from __future__ import annotations

import time

import pytest

from tests.walkaway.support.scratch import Scratch, xdist
from tests.walkaway.support.spread import thin
from tests.walkaway.support.waiting import wait_for
from walkaway.model import ledger
from walkaway.record import reader, run_ids

ODD = """
    import os, sys, pytest

    def test_prints():
        print("zażółć 🦊 \\x1b[31mred\\x1b[0m \\0 NUL")
        sys.stdout.flush()
        os.write(1, b"\\xff\\xfe not unicode \\0\\n")

    def test_fails_with_it():
        print("zażółć \\x1b[31m \\0")
        assert "\\x1b[31m\\0🦊" == "x"

    @pytest.mark.parametrize("x", ["a b", "[b]", "q\\"'$(x);", "ż🦊", "line\\nbreak", "t\\tab", ""])
    def test_ids(x): pass

    @pytest.mark.parametrize("x", ["L" * 10_000], ids=lambda x: x)
    def test_long(x): pass
"""


@pytest.mark.parametrize(
    ("option", "mode"),
    thin(
        ["-s", "-v"],
        ["serial", "load"],
        usual=lambda option, mode: (option == "-s") is (mode == "serial"),
    ),
)
def test_odd_output_and_ids_change_no_verdict(scratch: Scratch, mode: str, option: str) -> None:
    scratch.write("test_a.py", ODD)
    live = scratch.start(option, *xdist(mode, 1))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 9, "failed": 1}
    names = reader.ids(live.folder)
    assert len(names) == 10
    assert any(len(name) > 10_000 for name in names)
    assert (live.folder / "junit.xml").stat().st_size > 10_000


def test_a_test_with_an_id_of_10_kb_is_named_when_it_crashes(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import os, pytest

        @pytest.mark.parametrize("x", ["L" * 10_000], ids=lambda x: x)
        def test_long(x): os._exit(1)
        """,
    )
    outcome = scratch.run()
    assert outcome["outcome"] == "crashed"
    assert outcome["crashed"] == [f"test_a.py::test_long[{'L' * 10_000}]"]


def test_torn_and_garbage_lines_cost_those_lines_only(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import pathlib, time

        def test_a():
            while not pathlib.Path("go").exists():
                time.sleep(0.01)

        def test_b(): pass
        """,
    )
    live = scratch.start()
    wait_for(lambda: live.events("s"), "the test")
    garbage = (
        b'\n{"e":"f","t":1.0,"i":99999,"r":"failed"}\n{"e":"f","i"\n\0\0\0\n[1]\n{}\nnonsense\n'
    )
    garbage += b'{"e":5}\n{"e":"unknown","x":1}\n{"e":"s","t":"now","i":"one"}\n\xff\xfe\n'
    with live.record.path("events.jsonl").open("ab") as file:
        file.write(garbage)
    (scratch.root / "go").touch()
    outcome = live.outcome()
    assert outcome["outcome"] == "passed"
    book = ledger.build(reader.ids(live.folder), reader.all_events(live.folder / "events.jsonl"))
    assert book.counts == {"passed": 2}


def test_a_clock_set_back_keeps_the_order_of_ids(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    first = scratch.start()
    real = time.time
    monkeypatch.setattr("walkaway.runs.start.time.time", lambda: real() - 86_400)
    second = scratch.start()
    third = scratch.start()
    monkeypatch.undo()
    assert first.run.id < second.run.id < third.run.id
    assert all(run_ids.is_id(live.run.id) for live in scratch.runs)
    for live in scratch.runs:
        outcome = live.outcome()
        assert outcome["outcome"] == "passed"
        # Times of the record come from a clock that nobody sets.
        times = [event["t"] for event in live.events()]
        assert 0 <= outcome["duration_s"] < 120
        assert all(0 <= t < 120 for t in times)
        assert times == sorted(times)


def test_a_test_that_fakes_the_clock_does_not_reach_the_record(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import time

        def test_a(monkeypatch):
            monkeypatch.setattr(time, "time", lambda: 0.0)
            monkeypatch.setattr(time, "monotonic", lambda: 0.0)
            monkeypatch.setattr(time, "clock_gettime", lambda clock: 0.0)

        def test_b(): pass
        """,
    )
    live = scratch.start()
    assert live.outcome()["outcome"] == "passed"
    times = [event["t"] for event in live.events()]
    assert all(0 <= t < 120 for t in times)
