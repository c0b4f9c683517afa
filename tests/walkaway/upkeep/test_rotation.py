"""Rotation on real folders, locks and processes: only whole finished runs go, and all of them."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from walkaway.upkeep import prune, retention, survey
from walkaway.upkeep.retention import Plan, Policy, State

if TYPE_CHECKING:
    from tests.walkaway.upkeep.records import Folder

REPOSITORY = Path(__file__).resolve().parents[3]
EVERYTHING = Policy(days=0, keep=0)

# Kills itself at the n-th call that changes the folder.
ROTATE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from walkaway.upkeep import prune, retention, survey

folder, left = Path(sys.argv[1]), int(sys.argv[2])

def hook(event, _args):
    global left
    if event in ("os.rename", "os.remove", "os.rmdir"):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

plan = retention.plan(survey.survey(folder), retention.Policy(0, 0), 4e9)
sys.addaudithook(hook)
prune.carry_out(folder, plan)
"""


def planned(folder: Folder, policy: Policy = EVERYTHING) -> Plan:
    return retention.plan(survey.survey(folder.path), policy, folder.now_s)


def rotate(folder: Folder, policy: Policy = EVERYTHING) -> prune.Pruned:
    return prune.carry_out(folder.path, planned(folder, policy))


def states(folder: Folder) -> dict[str, State]:
    return {run.id: run.state for run in survey.survey(folder.path).runs}


def test_record_and_log_go_together_and_the_rest_stays_whole(folder: Folder) -> None:
    runs = [folder.finished(days) for days in range(1, 21)]
    done = rotate(folder, Policy(days=7, keep=10))
    assert folder.ids() == set(runs[:10])
    assert all(folder.is_whole(run_id) for run_id in runs[:10])
    assert sorted(done.deleted) == sorted(runs[10:])
    assert folder.names() == {
        *(f"test-run-{run_id}" for run_id in runs[:10]),
        *(f"test-run-{run_id}.log" for run_id in runs[:10]),
        ".gitignore",
        ".start.lock",
    }


@pytest.mark.parametrize("locks", [["supervisor.lock"], ["pytest.lock"]])
@pytest.mark.parametrize("ended", ["running", "closing"])
def test_a_run_whose_lock_is_held_survives(folder: Folder, locks: list[str], ended: str) -> None:
    run_id = folder.finished(99) if ended == "closing" else folder.dead(99)
    holder = folder.hold(run_id, *locks)
    assert states(folder) == {run_id: State.LIVE}
    assert not rotate(folder).deleted
    assert folder.ids() == {run_id}
    holder.communicate()
    assert rotate(folder).deleted == [run_id]


@pytest.mark.parametrize("lock", ["supervisor.lock", "pytest.lock"])
def test_a_run_that_comes_to_life_between_plan_and_deed_survives(folder: Folder, lock: str) -> None:
    run_id = folder.dead(99)
    plan = planned(folder)
    folder.hold(run_id, lock)
    assert not prune.carry_out(folder.path, plan).deleted
    assert folder.ids() == {run_id}


def test_a_run_that_vanished_here_goes_and_one_of_elsewhere_only_when_it_is_done(
    folder: Folder,
) -> None:
    here = folder.dead(99)
    host = folder.dead(98, host="elsewhere pid:[1]")
    boot = folder.dead(97, boot_id="another")
    copied = folder.dead(96, lock=(1, 1))
    done = folder.finished(95, host="elsewhere pid:[1]", boot_id="another", lock=(1, 1))
    unknown = {host, boot, copied}
    assert {i for i, state in states(folder).items() if state is State.UNKNOWN} == unknown
    assert set(rotate(folder).deleted) == {here, done}
    assert folder.ids() == unknown


def test_a_run_that_said_its_end_is_done_without_an_outcome(folder: Folder) -> None:
    run_id = folder.dead(99, host="elsewhere")
    events = folder.path / f"test-run-{run_id}" / "events.jsonl"
    events.write_text('{"e":"loaded","t":0.1,"pass":1}\n{"e":"end","t":1.0,"exit":0}\n')
    assert states(folder) == {run_id: State.DONE}


def test_torn_records_hunts_and_foreign_files_survive(folder: Folder, tmp_path: Path) -> None:
    torn = folder.finished(99)
    (folder.path / f"test-run-{torn}" / "run.json").write_text('{"id": "2026')
    unlocked = folder.dead(98)
    (folder.path / f"test-run-{unlocked}" / "supervisor.lock").unlink()
    hunted = folder.finished(97, hunt="h1")
    elsewhere = tmp_path / "mine"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    foreign = ["notes.txt", "test-run-20250807-143022.log", "test-run-99999999-999999-ffff.log"]
    for name in foreign:
        (folder.path / name).touch()
    for name in ("hunt-7", "test-run-99999999-999999-ffff", ".gone-me", ".new-it"):
        (folder.path / name).mkdir()
    (folder.path / "test-run-20200101-000000-0000").symlink_to(elsewhere)
    (folder.path / ".gone-20200101-000000-0000").symlink_to(elsewhere)
    (folder.path / ".new-20200101-000000-0000-7").symlink_to(elsewhere)
    before = folder.names()
    assert not rotate(folder).deleted
    assert folder.names() == before
    assert states(folder) == {torn: State.TORN, unlocked: State.TORN, hunted: State.HUNT}
    assert survey.survey(folder.path).foreign == 10
    assert (elsewhere / "precious").exists()


def test_attempts_go_once_their_hunt_has_its_verdict(folder: Folder) -> None:
    ended, going = "20260101-000000-0001", "20260101-000000-0002"
    for hunt in (ended, going):
        (folder.path / f"hunt-{hunt}").mkdir(parents=True)
    (folder.path / f"hunt-{ended}" / "outcome.json").write_text('{"code": 0}')
    of_ended = folder.finished(99, hunt=ended)
    of_going = folder.finished(98, hunt=going)
    assert rotate(folder).deleted == [of_ended]
    assert states(folder) == {of_going: State.HUNT}


def test_symlinks_in_a_record_are_deleted_and_not_followed(folder: Folder, tmp_path: Path) -> None:
    run_id = folder.finished(99)
    record = folder.path / f"test-run-{run_id}"
    elsewhere = tmp_path / "mine"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x" * 5_000_000)
    (record / "folder").symlink_to(elsewhere)
    (record / "file").symlink_to(elsewhere / "precious")
    record.with_name(f"{record.name}.log").unlink()
    record.with_name(f"{record.name}.log").symlink_to(elsewhere / "precious")
    sizes = survey.sizes(folder.path, planned(folder))
    assert sizes[run_id] < 1_000_000
    assert rotate(folder).deleted == [run_id]
    assert (elsewhere / "precious").stat().st_size == 5_000_000


def test_paths_in_a_record_are_not_believed(folder: Folder, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    run_id = folder.finished(99, root=str(precious), cwd=str(precious), select="../../../x")
    assert rotate(folder).deleted == [run_id]
    assert precious.exists()


def test_a_fifo_in_a_record_holds_nobody_up(folder: Folder) -> None:
    run_id = folder.dead(99)
    os.mkfifo(folder.path / f"test-run-{run_id}" / "outcome.json")
    assert rotate(folder).deleted == [run_id]


def test_dead_starts_go_with_their_log_and_live_or_fresh_ones_stay(folder: Folder) -> None:
    folder.finished(0)
    dead, held, fresh = folder.id(1), folder.id(2), folder.id(0)
    for run_id in (dead, held, fresh):
        new = folder.path / f".new-{run_id}-4711"
        new.mkdir()
        (new / "supervisor.lock").touch()
        (folder.path / f"test-run-{run_id}.log").touch()
    hunt = folder.path / f".new-{folder.id(3)}-4711"
    hunt.mkdir()
    (hunt / "driver.lock").touch()
    folder.hold_paths([folder.path / f".new-{held}-4711" / "supervisor.lock", hunt / "driver.lock"])
    assert rotate(folder, Policy(7, 10)).deleted == [f".new-{dead}-4711"]
    left = folder.names()
    assert {hunt.name, f".new-{held}-4711", f".new-{fresh}-4711", f"test-run-{held}.log"} <= left
    assert f"test-run-{dead}.log" not in left


def test_the_pid_file_of_a_dead_process_goes_with_the_last_run(folder: Folder) -> None:
    run_id = folder.finished(99)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    note = folder.path / ".current_test.pid"
    note.write_text(f"{ended.pid}\n")
    rotate(folder, Policy(0, 1))
    assert note.exists()
    assert rotate(folder).deleted == [".current_test.pid", run_id]
    assert not note.exists()
    note.write_text(f"{os.getpid()}\n")
    rotate(folder)
    assert note.exists()


def test_a_kill_at_any_moment_leaves_only_whole_runs(folder: Folder) -> None:
    def fill() -> set[str]:
        return {folder.finished(days) for days in (20, 30)}

    for step in range(1, 60):
        there = fill()
        killed = subprocess.run(
            [sys.executable, "-c", ROTATE_AND_DIE, str(folder.path), str(step)],
            cwd=REPOSITORY,
            check=False,
        )
        assert folder.ids() <= there
        assert all(folder.is_whole(run_id) for run_id in folder.ids())
        rotate(folder)
        assert folder.names() == {".gitignore", ".start.lock"}
        if killed.returncode == 0:
            assert step > 20  # every change of both runs has been a place to die
            return
        assert killed.returncode == -signal.SIGKILL
    pytest.fail("the rotation did not come to its end")


def test_what_cannot_be_deleted_is_named_and_the_rest_goes(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = folder.finished(30), folder.finished(40)
    remove = prune._remove_tree

    def refused(fd: int, name: str) -> None:  # nothing else stops root
        if stuck in name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        remove(fd, name)

    with monkeypatch.context() as patched:
        patched.setattr(prune, "_remove_tree", refused)
        done = rotate(folder)
    assert done.deleted == [other]
    assert done.failed == {stuck: "Permission denied"}
    assert not folder.ids()
    assert rotate(folder).deleted == [f".gone-{stuck}"]


def test_rotations_at_once_delete_everything_once(folder: Folder) -> None:
    for days in range(10, 40):
        folder.finished(days)
    never = "0"
    argv = [sys.executable, "-c", ROTATE_AND_DIE, str(folder.path), never]
    rotations = [subprocess.Popen(argv, cwd=REPOSITORY) for _ in range(4)]
    assert [one.wait(60) for one in rotations] == [0] * 4
    rotate(folder)
    assert folder.names() == {".gitignore", ".start.lock"}


def test_a_start_under_way_is_waited_for(folder: Folder) -> None:
    run_id = folder.finished(99)
    (folder.path / ".start.lock").touch()
    holder = folder.hold_paths([folder.path / ".start.lock"])
    argv = [sys.executable, "-c", ROTATE_AND_DIE, str(folder.path), "0"]
    rotation = subprocess.Popen(argv, cwd=REPOSITORY)
    with pytest.raises(subprocess.TimeoutExpired):
        rotation.wait(1)
    assert folder.is_whole(run_id)
    holder.communicate()
    assert rotation.wait(60) == 0
    assert not folder.ids()


def test_no_folder_is_nothing_to_do(folder: Folder) -> None:
    assert planned(folder) == Plan(EVERYTHING, (), ())
    assert rotate(folder).deleted == []
    shutil.rmtree(folder.root)
    with prune.alone(folder.path):
        assert not rotate(folder).failed


def test_the_age_counts_from_the_last_word_of_a_run(folder: Folder) -> None:
    run_id = folder.finished(30)
    os.utime(folder.path / f"test-run-{run_id}.log", (folder.now_s, folder.now_s))
    assert not planned(folder, Policy(7, 0)).go
