"""The record in trouble: deleted during the run, or on a full disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walkaway.support.scratch import Live, Scratch, limits, xdist
from tests.walkaway.support.spread import thin
from tests.walkaway.support.waiting import wait_for
from walkaway.process import file_lock
from walkaway.record import reader

GATE = """
    import pathlib, pytest, time

    @pytest.mark.parametrize("n", range(5))
    def test_before(n): assert n != 3

    def test_gate():
        while not pathlib.Path("go").exists():
            time.sleep(0.01)

    @pytest.mark.parametrize("n", range(5))
    def test_after(n): assert n != 3
"""


def at_the_gate(scratch: Scratch, mode: str) -> Live:
    scratch.write("test_a.py", GATE)
    live = scratch.start(*xdist(mode, 1))
    wait_for(lambda: any(e["i"] == 5 for e in live.events("s")), "the gate")
    return live


@pytest.mark.parametrize(
    ("what", "mode"),
    thin(
        ["record", "logs", "log", "file"],
        ["serial", "load"],
        usual=lambda what, mode: mode == "serial" or what == "record",
    ),
)
def test_a_record_deleted_in_mid_run_is_restored_with_everything(
    scratch: Scratch, mode: str, what: str
) -> None:
    live = at_the_gate(scratch, mode)
    before = live.log()
    if what == "record":
        shutil.rmtree(live.folder)
    elif what == "logs":
        shutil.rmtree(scratch.root / "logs")
    elif what == "log":
        live.record.log.unlink()
    else:
        live.record.path("events.jsonl").unlink()
    wait_for(live.record.path("events.jsonl").exists, "the record to be back")
    wait_for(live.record.log.exists, "the log to be back")
    if what in {"record", "logs"}:
        wait_for(live.record.path("run.json").exists, "run.json to be back")
        path = str(live.record.path("supervisor.lock"))
        wait_for(
            lambda: file_lock.probe(path, live.record.run().lock) is file_lock.Hold.HELD, "its lock"
        )
    (scratch.root / "go").touch()
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 9, "failed": 2}
    assert len(reader.ids(live.folder)) == 11
    assert len(list(reader.all_events(live.folder / "failures.jsonl"))) == 2
    assert before in live.log()
    assert "2 failed, 9 passed" in live.log()
    if what in {"record", "logs"}:
        assert any("restored" in note for note in outcome["notes"])
        assert live.record.run() is not None
        assert (live.folder / "junit.xml").exists()


def test_a_record_deleted_before_the_second_pass_keeps_both(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import os, pathlib, time

        def test_dies():
            pathlib.Path("in").touch()
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
            os._exit(7)

        def test_b(): pass
        def test_c(): assert 0
        """,
    )
    live = scratch.start(*xdist("loadfile", 1))
    wait_for((scratch.root / "in").exists, "the test")
    wait_for(lambda: live.events("s"), "its start")
    shutil.rmtree(live.folder)
    wait_for(live.record.path("run.json").exists, "the record to be back")
    (scratch.root / "go").touch()
    outcome = live.outcome()
    assert outcome["passes"] == 2
    assert outcome["counts"] == {"crashed": 1, "passed": 1, "failed": 1}


@pytest.fixture
def small_disk(scratch: Scratch) -> Iterator[Path]:
    """The project's logs folder on a file system of 8 MB."""
    folder = scratch.root / "logs"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "walkaway-test", str(folder)]
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("a small file system needs root and mount")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    for live in scratch.runs:
        live.outcome()

    def unmounted() -> bool:
        return subprocess.run(["umount", str(folder)], check=False).returncode == 0

    wait_for(unmounted, "the file system to be free")


FILLER = """
    import os, pathlib, pytest

    def fill():
        with open("logs/filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    @pytest.mark.parametrize("n", range({n}))
    def test_n(n):
        if n == 5:
            fill()
        print("said", n)
        assert n % 10 != 7
        if {skip}:
            pytest.skip("a long reason " * 20)
"""


@pytest.mark.parametrize("mode", ["serial", "load"])
def test_a_disk_that_fills_up_in_mid_run_changes_no_result(
    scratch: Scratch, small_disk: Path, mode: str
) -> None:
    scratch.write("test_a.py", FILLER.format(n=50, skip=False))
    live = scratch.start(*xdist(mode, 1))
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["counts"] == {"passed": 45, "failed": 5}
    assert outcome["dropped"] == 0  # what had been reserved was enough
    assert os.statvfs(small_disk).f_bavail >= 0
    assert "INTERNALERROR" not in live.log()


def test_what_does_not_fit_is_counted_and_the_outcome_is_written(
    scratch: Scratch, small_disk: Path
) -> None:
    assert small_disk.is_dir()
    # 6,000 long reasons are more than the megabyte that was reserved.
    scratch.write("test_a.py", FILLER.format(n=6_000, skip=True))
    live = scratch.start("-q", "--no-summary")
    outcome = live.outcome(120)
    assert outcome["dropped"] > 0
    assert outcome["counts"] == {"skipped": 5_400, "failed": 600}
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert any("could not be stored" in note for note in outcome["notes"])
    assert outcome["lost"] == {"n": 0, "ids": []}


def test_a_run_that_fills_the_disk_by_itself_is_ended(scratch: Scratch, small_disk: Path) -> None:
    assert small_disk.is_dir()
    scratch.write(
        "test_a.py",
        """
        import time

        def test_loud():
            while True:
                print("x" * 10_000)
                time.sleep(0.001)
        """,
    )
    outcome = scratch.run("-s", limits=limits(disk_floor_bytes=1024 * 1024))
    assert (outcome["outcome"], outcome["code"]) == ("disk-full", 124)
    assert "of disk left" in outcome["rests_on"]


def test_an_outcome_is_whole_json_and_never_replaced(scratch: Scratch) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    live = scratch.start()
    first = live.record.path("outcome.json")
    outcome = live.outcome()
    assert json.loads(first.read_bytes()) == outcome
    assert not list(live.folder.glob(".outcome*"))
