"""Workers that crash under xdist: the crashed test is named, all others report."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.support.scratch import Live, Scratch, limits, modes, project_in, xdist
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table
from walkaway.record import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

TWO_PASSES = pytest.mark.xdist_group("two passes")
"""These look at one run: they go to one worker."""

KILLERS = """
    import os, pathlib, pytest

    def die(name):
        count = pathlib.Path(name)
        count.write_text(count.read_text() + "x" if count.exists() else "x")
        os._exit(7)

    @pytest.mark.parametrize("n", range(24))
    def test_one(n):
        if n in ({killers}):
            die(f"died-one-{{n}}")

    @pytest.mark.xdist_group("group")
    @pytest.mark.parametrize("n", range(24))
    def test_two(n):
        if n in ({killers}):
            die(f"died-two-{{n}}")
"""


def crashed(outcome: dict[str, Any]) -> set[str]:
    """Names without the `@group` that loadgroup adds in some versions."""
    return {name.partition("@")[0] for name in outcome["crashed"]}


@pytest.mark.parametrize("mode", modes("load", soak=["loadfile", "loadgroup"]))
def test_a_crashed_worker_costs_its_test_and_no_other(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", KILLERS.format(killers="5,"))
    outcome = scratch.run(*xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert crashed(outcome) == {"test_a.py::test_one[5]", "test_a.py::test_two[5]"}
    assert outcome["counts"] == {"passed": 46, "crashed": 2}
    assert outcome["expected"] == outcome["reported"] == 48
    assert outcome["lost"]["n"] == outcome["not_run"]["n"] == 0


@pytest.fixture(scope="module")
def eight_killers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scratch, Live]]:
    """An ended run over two passes, among other things with eight tests that kill their worker."""
    with project_in(tmp_path_factory.mktemp("eight-killers")) as scratch:
        wrong = "\n    def test_wrong(): assert 0\n"
        scratch.write("test_a.py", "def test_early(): assert 0\n")
        scratch.write("test_b.py", KILLERS.format(killers="3, 9, 15, 21") + wrong)
        live = scratch.start("--junitxml=mine.xml", *xdist("load"))
        live.outcome()
        yield scratch, live


@TWO_PASSES
def test_eight_killers_among_50_tests_take_down_nobody_else(
    eight_killers: tuple[Scratch, Live],
) -> None:
    scratch, live = eight_killers
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert len(crashed(outcome)) == 8
    assert outcome["counts"] == {"passed": 40, "crashed": 8, "failed": 2}
    assert outcome["lost"]["n"] == 0
    assert outcome["passes"] == 2
    # A culprit is never run again.
    assert [path.read_text() for path in scratch.root.glob("died-*")] == ["x"] * 8


# loadgroup has names of its own; the other modes are that of the test above over again.
@pytest.mark.parametrize(
    "mode", modes("loadgroup", soak=["load", "loadfile", "worksteal", "loadscope"])
)
def test_eight_killers_among_48_tests_take_down_nobody_else(scratch: Scratch, mode: str) -> None:
    scratch.write("test_a.py", KILLERS.format(killers="3, 9, 15, 21"))
    outcome = scratch.run(*xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert len(crashed(outcome)) == 8
    assert outcome["counts"] == {"passed": 40, "crashed": 8}
    assert outcome["lost"]["n"] == 0
    assert outcome["passes"] == 2
    # A culprit is never run again.
    assert [path.read_text() for path in scratch.root.glob("died-*")] == ["x"] * 8


@pytest.mark.parametrize("mode", modes("loadfile", soak=["loadscope", "loadgroup"]))
def test_a_culprit_is_not_given_to_the_next_worker(scratch: Scratch, mode: str) -> None:
    wait = """
    import glob, os, pathlib, time

    def wait_for(condition):
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)
    """
    events = "logs/tests/pytest/*/events.jsonl"
    scratch.write(
        "test_a.py",
        wait
        + """
    def test_a():
        wait_for(pathlib.Path("busy").exists)
        with open("died", "a") as died:
            died.write("x")
        os._exit(7)
    """,
    )
    # The other worker has the last of the queue and one test before it, so it would get more.
    scratch.write(
        "test_d.py",
        wait
        + f"""
    def test_d():
        pathlib.Path("busy").touch()
        wait_for(lambda: [p for p in glob.glob({events!r}) if '"wdown"' in open(p).read()])
    """,
    )
    for name in "bce":
        scratch.write(f"test_{name}.py", f"def test_{name}(): pass\n")
    outcome = scratch.run(*xdist(mode))
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert crashed(outcome) == {"test_a.py::test_a"}
    assert outcome["counts"] == {"passed": 4, "crashed": 1}
    assert (scratch.root / "died").read_text() == "x"


@TWO_PASSES
def test_failures_of_the_first_pass_stay_failures(eight_killers: tuple[Scratch, Live]) -> None:
    _, live = eight_killers
    ids = reader.ids(live.folder)
    results = [e for e in live.events("f") if ids[e["i"]] == "test_a.py::test_early"]
    assert [event["r"] for event in results] == ["failed"]
    assert live.events("end")[0]["c"]["failed"] >= 1
    assert live.outcome()["counts"]["failed"] == 2


def test_a_worker_killed_between_two_tests_costs_no_test(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.parametrize("n", range(20))
        def test_n(n): pass
        """,
    )
    scratch.write(
        "conftest.py",
        """
        import os, pathlib

        def pytest_runtest_logfinish(nodeid):
            if os.environ.get("PYTEST_XDIST_WORKER") and "[7]" in nodeid:
                try:
                    pathlib.Path("died").mkdir()
                except FileExistsError:
                    return
                os._exit(7)
        """,
    )
    outcome = scratch.run(*xdist("load"))
    assert outcome["reported"] == outcome["expected"] == 20
    assert outcome["lost"]["n"] == 0
    # xdist takes the test that had just reported for the culprit, or finds none.
    assert outcome["outcome"] == ("failed" if outcome["crashed"] else "passed")
    assert sum(outcome["counts"].values()) == 20


@pytest.mark.parametrize("mode", modes("load", soak=["loadfile", "loadgroup"]))
def test_a_killed_worker_is_no_hang_and_no_loss(scratch: Scratch, mode: str) -> None:
    scratch.write(
        "test_a.py",
        """
        import pathlib, pytest, time

        @pytest.mark.xdist_group("g")
        def test_waiting():
            pathlib.Path("in").touch()
            time.sleep(600)

        @pytest.mark.xdist_group("g")
        @pytest.mark.parametrize("n", range(10))
        def test_n(n): pass
        """,
    )
    live = scratch.start(*xdist(mode))
    wait_for((scratch.root / "in").exists, "the waiting test")
    event = wait_for(lambda: [e for e in live.events("s") if e["i"] == 0], "its start")[0]
    pids = {up["w"]: up["pid"] for up in live.events("wup")}
    os.kill(pids[event["w"]], signal.SIGKILL)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert crashed(outcome) == {"test_a.py::test_waiting"}
    assert outcome["counts"] == {"passed": 10, "crashed": 1}


@pytest.mark.parametrize("option", modes("-x", soak=["--maxfail=1"]))
def test_there_is_no_second_pass_after_stopping_at_a_failure(scratch: Scratch, option: str) -> None:
    scratch.write("test_a.py", KILLERS.format(killers="3, 9, 15, 21"))
    outcome = scratch.run(option, *xdist("load", 1))
    assert outcome["outcome"] == "failed"
    assert outcome["passes"] == 1
    assert outcome["not_run"]["n"] > 0
    assert outcome["lost"]["n"] == 0


def test_there_is_no_second_pass_after_a_stop(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import os, time

        def test_dies(): os._exit(7)
        def test_waits(): time.sleep(600)
        def test_c(): pass
        def test_d(): pass
        """,
    )
    live = scratch.start(*xdist("load"), limits=limits(grace_s=0.3))
    wait_for(lambda: [e for e in live.events("wdown") if e["m"]], "the crash")
    live.ask_to_stop()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"], outcome["passes"]) == ("stopped", 2, 1)


def test_there_is_no_second_pass_after_a_limit(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import os, time

        def test_dies(): os._exit(7)
        def test_waits(): time.sleep(600)
        def test_c(): pass
        """,
    )
    live = scratch.start(*xdist("load"), limits=limits(deadline_s=1, grace_s=0.3))
    with live.supervisor_held():
        wait_for(lambda: [e for e in live.events("wdown") if e["m"]], "the crash")
        live.wait_in_flight(1)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"], outcome["passes"]) == ("timed-out", 124, 1)


def test_the_deadline_is_that_of_all_passes_together(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import os, time

        def test_dies(): os._exit(7)
        def test_b(): pass
        def test_waits(): time.sleep(600)
        """,
    )
    live = scratch.start(*xdist("loadfile", 1), limits=limits(deadline_s=4, grace_s=0.3))
    outcome = live.outcome()
    assert outcome["outcome"] == "timed-out"
    (limit,) = live.journal("limit")
    if outcome["passes"] == 2:  # a very slow machine does not come that far
        assert limit["t"] < live.journal("spawn")[1]["t"] + 4


@TWO_PASSES
def test_the_users_own_reports_are_those_of_the_first_pass(
    eight_killers: tuple[Scratch, Live],
) -> None:
    scratch, live = eight_killers
    assert live.outcome()["passes"] == 2
    mine = (scratch.root / "mine.xml").read_text()
    assert "test_one[0]" in mine
    assert (live.folder / "pass-2-junit.xml").exists()
    assert mine != (live.folder / "pass-2-junit.xml").read_text()
    # Our own holds all.
    junit = (live.folder / "junit.xml").read_text()
    assert junit.count("<testcase") == 50


def test_every_worker_dying_while_it_collects_is_no_pass_and_no_hang(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    scratch.write(
        "conftest.py",
        "import os\nif os.environ.get('PYTEST_XDIST_WORKER'): os._exit(3)\n",
    )
    outcome = scratch.run(*xdist("load", 1))
    assert (outcome["outcome"], outcome["code"]) == ("collection-error", 2)


@TWO_PASSES
def test_checkpoints_count_over_all_passes(eight_killers: tuple[Scratch, Live]) -> None:
    _, live = eight_killers
    outcome = live.outcome()
    ends = live.events("end")
    assert [end["pass"] for end in ends] == [1, 2]
    assert [end["n"] for end in ends] == [50, 50]
    assert sum(ends[0]["c"].values()) < 50
    assert ends[1]["c"] == outcome["counts"]
    assert [k["n"] for k in live.events("k")] == [50, 50]
    assert live.events("k")[1]["c"] == ends[0]["c"]


def test_a_pass_leaves_no_process_to_the_next(scratch: Scratch) -> None:
    source = """
        import os, subprocess

        def test_dies():
            subprocess.Popen(["sleep", "871"], start_new_session=True)
            os._exit(7)

        def test_b(): pass
        def test_c(): pass
    """
    scratch.write("test_a.py", source)
    live = scratch.start(*xdist("loadfile", 1))
    outcome = live.outcome()
    assert outcome["passes"] == 2
    ((pid, command),) = live.journal("left")[0]["pids"]
    assert command == "sleep 871"
    assert not proc_table.alive(pid, 0)
