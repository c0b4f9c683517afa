"""Carry out a prune plan so that a kill at any moment leaves only complete runs.

A run is hidden first: its folder is renamed to `.gone-ID`, its log to `.gone-ID.log`. This happens
under the start lock and with shared holds of the run's own locks, so nobody can adopt it meanwhile,
and readers that probe still see that nobody holds them. Deletion follows. A kill leaves only
`.gone-*` names, which the next rotation deletes. All names are relative to the open folder: a
symlink in a record is deleted, never followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.process import file_lock
from walkaway.record.store import FOLDER, PREFIX
from walkaway.upkeep import survey
from walkaway.upkeep.retention import Kind, Leftover, Plan, State

_START_WAIT_S = 30.0
_OTHER_WAIT_S = 60.0
_TRIES = 8


@dataclass(slots=True)
class Pruned:
    """Result of a plan: the names that are gone, and why others are not."""

    deleted: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other rotations away. Locks the folder itself, so no lock file is left behind.

    `WalkawayError` 75 when another rotation takes longer than a minute.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # no folder: nothing to rotate
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            held.callback(os.close, fd)
            _wait_for(fd)
        yield


def _wait_for(fd: int) -> None:
    """Lock the folder.

    `OSError` where locks are not supported; every step tolerates others anyway.
    """
    deadline = time.monotonic() + _OTHER_WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"Another rotation has been running in {FOLDER} for a minute.\nTry later."
                raise WalkawayError(message, exit_codes.STILL_RUNNING) from None
            time.sleep(0.05)
        else:
            return


def carry_out(folder: Path, plan: Plan) -> Pruned:
    """Delete what the plan says. Continue after an entry that cannot be deleted.

    `WalkawayError` 73 when the folder cannot be used at all, 75 when a start holds its lock too
    long.
    """
    done = Pruned()
    if not plan.go and not plan.leftovers:
        return done
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        try:
            with file_lock.exclusive(str(folder / ".start.lock"), _START_WAIT_S):
                hidden = list(_hide_all(fd, folder, plan, done))
        except TimeoutError as error:
            message = (
                f"A start has held {FOLDER / '.start.lock'} for {_START_WAIT_S:.0f} s.\n"
                "Nothing was deleted. List the runs: inv runs"
            )
            raise WalkawayError(message, exit_codes.STILL_RUNNING) from error
        except OSError as error:
            raise _unusable(folder, error) from error
        for name, gone in hidden:
            _delete(fd, name, gone, done)
    finally:
        os.close(fd)
    return done


def _unusable(folder: Path, error: OSError) -> WalkawayError:
    message = (
        f"Nothing can be deleted in {folder}: {error.strerror or error}.\n"
        "Fix the folder (owner, read-only mount), then try again."
    )
    return WalkawayError(message, exit_codes.CANNOT_RECORD)


def _hide_all(fd: int, folder: Path, plan: Plan, done: Pruned) -> Iterator[tuple[str, str]]:
    """Hide everything, under the start lock. Yields (name for people, hidden name)."""
    for left in plan.leftovers:
        if _still(fd, folder, left):
            yield left.name, left.name
    for fate in plan.go:
        run_id = fate.run.id
        try:
            if _hide(fd, folder, run_id):
                yield run_id, survey.GONE + run_id
        except OSError as error:
            done.failed[run_id] = error.strerror or str(error)


def _still(fd: int, folder: Path, left: Leftover) -> bool:
    """Return whether a leftover is still one: a start may have used it since the plan."""
    if not _there(fd, left.name):
        return False
    if left.kind is Kind.NEW:
        return not survey.start_lives(folder / left.name)
    return left.kind is not Kind.PID or not survey.lives(folder / left.name)


def _hide(fd: int, folder: Path, run_id: str) -> bool:
    """Hide one run by renaming it. Return False when it is no longer what the plan saw."""
    name = PREFIX + run_id
    with contextlib.ExitStack() as held:
        for file in ("supervisor.lock", "pytest.lock"):
            if not held.enter_context(_shared(fd, f"{name}/{file}")):
                return False
        if survey.stored(folder, run_id).state is not State.DONE:
            return False
        try:
            os.rename(name, survey.GONE + run_id, src_dir_fd=fd, dst_dir_fd=fd)
        except FileNotFoundError:
            return False
        with contextlib.suppress(FileNotFoundError):
            log = f"{name}.log"
            os.rename(log, f"{survey.GONE}{run_id}.log", src_dir_fd=fd, dst_dir_fd=fd)
    return True


@contextmanager
def _shared(fd: int, path: str) -> Iterator[bool]:
    """Hold a lock shared if its file exists. Yields False when somebody holds it exclusively."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        opened = os.open(path, flags, dir_fd=fd)
    except OSError:
        yield True
        return
    try:
        free = True
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        except OSError:
            free = True  # no locks here: the survey decided by the outcome alone
        yield free
    finally:
        os.close(opened)


def _delete(fd: int, name: str, hidden: str, done: Pruned) -> None:
    """Delete something hidden. Its folder goes last, to mark that something is left."""
    run_id = survey.gone_id(hidden) or survey.new_id(hidden)
    try:
        if run_id and not _there(fd, PREFIX + run_id):
            _unlink(fd, f"{PREFIX}{run_id}.log")
        if run_id:
            _unlink(fd, f"{survey.GONE}{run_id}.log")
        _remove(fd, hidden)
    except OSError as error:
        done.failed[name] = error.strerror or str(error)
    else:
        done.deleted.append(name)


def _remove(fd: int, name: str) -> None:
    """Delete a file or a tree. Tolerates somebody else deleting it at the same time."""
    for _ in range(_TRIES):
        try:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode):
                _unlink(fd, name)
                return
            _remove_tree(fd, name)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            continue
        return
    if _there(fd, name):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), name)


def _remove_tree(fd: int, name: str) -> None:
    for _, folders, files, at in os.fwalk(name, topdown=False, onerror=_raise, dir_fd=fd):
        for file in files:
            _unlink(at, file)
        for folder in folders:
            try:
                os.rmdir(folder, dir_fd=at)
            except NotADirectoryError:  # a symlink to a folder
                _unlink(at, folder)
    os.rmdir(name, dir_fd=fd)


def _raise(error: OSError) -> None:
    raise error


def _unlink(fd: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=fd)


def _there(fd: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=fd)
    except OSError:
        return False
    return True
