"""The files behind the queue for worker slots: one per run, locked while the run lives.

Everything here runs under `turns.lock`. Light: the supervisor imports it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from walkaway.process import runtime_folder

LOCK = "turns.lock"
WAIT, HOLD = ".wait", ".hold"
_LOCK_WAIT_S = 0.05
_SILENT_S = 15.0
"""A queued run that has not looked for this long (suspended) is overtaken."""
_MOST_BYTES = 4096
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC

_held: set[int] = set()
"""Descriptors that a forked child must close: a flock lasts until the last copy is closed."""


def _let_go() -> None:
    for fd in _held:
        with contextlib.suppress(OSError):
            os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


class Holder(NamedTuple):
    """A run that has slots or is queued."""

    run: str
    checkout: str
    pid: int
    workers: int
    waits: bool


class Entry(NamedTuple):
    """A living run's file, as `entries` found it."""

    number: int
    """The order of arrival."""
    holder: Holder
    silent: bool
    """It is queued and has not looked for 15 s."""


@contextlib.contextmanager
def folder(environ: Mapping[str, str]) -> Iterator[int]:
    """Open the runtime folder, anew each time: a cleaner may have replaced it."""
    fd = runtime_folder.open_folder(environ)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def locked(folder_fd: int) -> Iterator[bool]:
    """Hold `turns.lock`; yields False when others hold it or when its file was deleted."""
    fd = os.open(LOCK, _FLAGS | os.O_CREAT, 0o600, dir_fd=folder_fd)
    _held.add(fd)
    try:
        yield _flocked(fd) and os.fstat(fd).st_nlink > 0
    finally:
        _held.discard(fd)
        os.close(fd)


def _flocked(fd: int) -> bool:
    until = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.002)
        else:
            return True


def make(folder_fd: int, name: str, holder: Holder) -> int:
    """Make a run's file, locking it before writing to it; return the open descriptor."""
    fd = os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder_fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(fd, json.dumps(holder._asdict(), ensure_ascii=True).encode("ascii"))
    except BaseException:
        os.close(fd)
        os.unlink(name, dir_fd=folder_fd)
        raise
    _held.add(fd)
    return fd


def close(fd: int) -> None:
    """Close a run's file, which releases its lock."""
    if fd in _held:  # never in a forked child, where the number may belong to another file
        _held.discard(fd)
        os.close(fd)


def entries(folder_fd: int, own: int) -> list[Entry]:
    """Return all living runs but our own, and delete dead runs' files. Call under the lock."""
    found = []
    for name in os.listdir(folder_fd):
        number, _, kind = name.partition(".")
        if not number.isdecimal() or f".{kind}" not in {WAIT, HOLD}:
            continue
        try:
            fd = os.open(name, _FLAGS, dir_fd=folder_fd)
        except OSError:  # released since listdir
            continue
        try:
            status = os.fstat(fd)
            if own >= 0 and os.path.samestat(status, os.fstat(own)):
                continue
            if _dead(fd):
                os.unlink(name, dir_fd=folder_fd)
                continue
            waits = f".{kind}" == WAIT
            silent = waits and time.monotonic_ns() - status.st_mtime_ns > _SILENT_S * 1e9
            holder = _holder(os.read(fd, _MOST_BYTES), waits=waits)
            found.append(Entry(int(number), holder, silent))
        finally:
            os.close(fd)
    return found


def _dead(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(data: bytes, *, waits: bool) -> Holder:
    """Parse a run's file; one that cannot be parsed (another version's) counts as one worker."""
    try:
        row = json.loads(data)
        return Holder(
            str(row["run"]), str(row["checkout"]), int(row["pid"]),
            max(1, int(row["workers"])), waits,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return Holder("?", "?", 0, 1, waits)
