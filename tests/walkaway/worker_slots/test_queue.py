"""Worker slots between runs: real files and locks, with several runs in one process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.walkaway.support.waiting import wait_for
from walkaway.process import runtime_folder
from walkaway.worker_slots import queue
from walkaway.worker_slots.queue import Turn
from walkaway.worker_slots.slot_files import Holder

Make = Callable[..., Turn]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runtime"


@pytest.fixture
def make(folder: Path, request: pytest.FixtureRequest) -> Make:
    """Make runs of a machine with four slots, one after the other."""

    def made(wanted: int = 1, total: int = 4, run: str = "") -> Turn:
        name = run or f"run-{len(given)}"
        turn = Turn(total, wanted, name, "/checkout", {runtime_folder.OVERRIDE: str(folder)})
        request.addfinalizer(turn.release)
        given.append(turn)
        return turn

    given: list[Turn] = []
    return made


def names(holders: list[Holder]) -> list[str]:
    return [holder.run for holder in holders]


def test_slots_are_given_until_there_are_none_left(make: Make) -> None:
    first, second, third = make(2), make(2), make(1)
    assert first.try_take()
    assert second.try_take()
    assert not third.try_take()
    assert third.behind() == [
        Holder("run-0", "/checkout", os.getpid(), 2, waits=False),
        Holder("run-1", "/checkout", os.getpid(), 2, waits=False),
    ]
    first.release()
    assert third.try_take()
    assert third.behind() == []
    assert third.note == ""


def test_a_run_that_wants_more_than_there_is_takes_all(make: Make) -> None:
    wide, narrow = make(64), make()
    assert wide.try_take()
    assert wide.workers == 4
    assert not narrow.try_take()
    wide.release()
    assert narrow.try_take()


def test_the_machine_is_given_in_order_of_arrival_whatever_the_width(make: Make) -> None:
    first, wide, narrow = make(), make(4), make()
    assert first.try_take()
    assert not wide.try_take()
    assert not narrow.try_take()  # three slots are free, and it came later
    assert [(h.run, h.waits) for h in narrow.behind()] == [("run-0", False), ("run-1", True)]
    first.release()
    assert not narrow.try_take()
    assert wide.try_take()
    wait_for(lambda: not narrow.try_take() and names(narrow.behind()) == ["run-1"])
    assert [holder.waits for holder in narrow.behind()] == [False]
    wide.release()
    assert narrow.try_take()


def test_who_leaves_the_queue_is_waited_for_no_longer(make: Make) -> None:
    first, wide, narrow = make(), make(4), make()
    assert first.try_take()
    assert not wide.try_take()
    assert not narrow.try_take()
    wide.release()
    wide.release()
    wait_for(narrow.try_take)


def test_no_bound_leaves_no_trace(make: Make, folder: Path) -> None:
    turn = make(8, total=0)
    assert turn.try_take()
    assert turn.note == ""
    turn.release()
    assert not folder.exists()


def test_a_run_that_goes_on_already_is_counted_without_waiting(make: Make) -> None:
    first, adopted, third = make(4), make(3), make()
    assert first.try_take()
    adopted.take_at_once()
    first.release()
    assert third.try_take()
    assert not make().try_take()


def test_released_slots_leave_no_file(make: Make, folder: Path) -> None:
    first, second = make(4), make()
    assert first.try_take()
    assert not second.try_take()
    assert sorted(path.name for path in folder.iterdir()) == [
        "0000000001.hold", "0000000002.wait", "turns.lock",
    ]  # fmt: skip
    first.release()
    second.release()
    assert [path.name for path in folder.iterdir()] == ["turns.lock"]


def test_a_look_names_all_and_changes_nothing(make: Make, folder: Path) -> None:
    environ = {runtime_folder.OVERRIDE: str(folder)}
    first, second = make(4), make()
    assert first.try_take()
    assert not second.try_take()
    before = sorted(path.name for path in folder.iterdir())
    assert [(h.run, h.waits) for h in queue.who(environ)] == [("run-0", False), ("run-1", True)]
    assert sorted(path.name for path in folder.iterdir()) == before
    assert queue.who({runtime_folder.OVERRIDE: "/dev/null/x"}) == []


def test_a_file_that_somebody_deleted_is_made_again(make: Make, folder: Path) -> None:
    first, second = make(4), make()
    assert first.try_take()
    assert not second.try_take()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert second.try_take()  # what the first one holds can no longer be seen
    assert second.note == ""
    assert not make(4).try_take()
    mine = folder / "0000000001.hold"
    assert mine.exists()
    first.release()  # its file had the same name
    assert mine.exists()
    second.release()
    assert not mine.exists()


def test_foreign_files_are_left_alone(make: Make, folder: Path) -> None:
    folder.mkdir(0o700)
    for name in ("notes.hold", "12.txt", "12", ".hold", "1.hold.old"):
        (folder / name).touch()
    (folder / "7.hold").symlink_to("/etc/passwd")
    (folder / "8.hold").touch()
    turn = make()
    assert turn.try_take()
    left = {path.name for path in folder.iterdir()}
    assert {"notes.hold", "12.txt", "12", ".hold", "1.hold.old", "7.hold"} < left
    assert "8.hold" not in left  # nobody's lock


def test_a_waiting_run_that_is_suspended_lets_others_past(make: Make, folder: Path) -> None:
    first, suspended, third = make(), make(4), make()
    assert first.try_take()
    assert not suspended.try_take()
    assert not third.try_take()
    os.utime(folder / "0000000002.wait", (0, 0))
    wait_for(third.try_take)
    assert not suspended.try_take()
    assert names(suspended.behind()) == ["run-0", "run-2"]
    # Its number stays its own.
    fourth = make()
    assert not fourth.try_take()
    assert names(fourth.behind()) == ["run-0", "run-1", "run-2"]


def test_runs_with_another_bound_count_everybody(make: Make) -> None:
    small, large = make(1, total=1), make(3, total=8)
    assert large.try_take()
    assert not small.try_take()
    large.release()
    assert small.try_take()


# When it cannot be had


def test_a_folder_that_is_not_ours_alone_is_not_used(make: Make, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    turn = make(4)
    assert turn.try_take()
    assert "is open to others" in turn.note
    assert str(folder) in turn.note
    assert list(folder.iterdir()) == []
    assert make(4).try_take()


def test_a_link_is_not_followed(make: Make, folder: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir(0o700)
    folder.symlink_to(real)
    turn = make()
    assert turn.try_take()
    assert "Not a directory" in turn.note
    assert list(real.iterdir()) == []


def test_a_file_in_its_place_is_no_folder(make: Make, folder: Path) -> None:
    folder.touch()
    turn = make()
    assert turn.try_take()
    assert "Not a directory" in turn.note


def test_where_no_folder_can_be_made_the_run_goes_on_after_some_attempts(tmp_path: Path) -> None:
    turn = Turn(4, 4, "x", "/c", {runtime_folder.OVERRIDE: str(tmp_path / "none" / "here")})
    taken = [turn.try_take() for _ in range(8)]
    assert not taken[0]
    assert taken[-1]
    assert "No such file" in turn.note


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_not_used(make: Make, folder: Path) -> None:
    folder.mkdir(0o700)
    os.chown(folder, 65534, 65534)
    turn = make()
    assert turn.try_take()
    assert "belongs to another user" in turn.note


def test_a_lock_that_nobody_gives_back_is_not_waited_for_for_ever(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    monkeypatch.setattr(queue, "_GIVE_UP_S", 0.2)
    folder.mkdir(0o700)
    with (folder / "turns.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        turn = make()
        assert not turn.try_take()
        while not turn.try_take():
            pass
        assert "turns.lock has been held" in turn.note


# Where it lies


def test_the_folder_is_the_sessions_if_that_is_ours_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert runtime_folder.path({"XDG_RUNTIME_DIR": str(tmp_path)}) == str(tmp_path / "walkaway")
    tmp_path.chmod(0o777)
    assert runtime_folder.path({"XDG_RUNTIME_DIR": str(tmp_path)}) != str(tmp_path / "walkaway")
    tmp_path.chmod(0o700)
    for elsewhere in ("", "relative", str(tmp_path / "none")):
        assert runtime_folder.path({"XDG_RUNTIME_DIR": elsewhere}) in {
            f"/run/user/{os.getuid()}/walkaway",
            f"/tmp/walkaway-{os.getuid()}",
        }
    both = {"XDG_RUNTIME_DIR": str(tmp_path), runtime_folder.OVERRIDE: "/x"}
    assert runtime_folder.path(both) == "/x"


def test_a_folder_is_made_for_us_alone(folder: Path) -> None:
    os.close(runtime_folder.open_folder({runtime_folder.OVERRIDE: str(folder)}))
    assert folder.stat().st_mode & 0o777 == 0o700
