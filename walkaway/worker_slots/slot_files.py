"""The files behind the queue for worker slots: one a run, locked for as long as it lives.

Everything here is done under `turns.lock`. Light: the supervisor imports it.
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
"""Whoever is queued and has not looked for so long (suspended) lets the others past."""
_MOST_BYTES = 4096
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC

_held: set[int] = set()
"""Descriptors whose locks a forked child must not keep alive."""


def _let_go() -> None:
    for fd in _held:
        with contextlib.suppress(OSError):
            os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


class Holder(NamedTuple):
    """A run that has slots, or is queued before us."""

    run: str
    checkout: str
    pid: int
    workers: int
    waits: bool


class Entry(NamedTuple):
    number: int
    """The order of arrival."""
    holder: Holder
    silent: bool
    """It is queued and has not looked for long."""


@contextlib.contextmanager
def folder(environ: Mapping[str, str]) -> Iterator[int]:
    """Open the runtime folder, anew each time: a cleaner may have replaced it meanwhile."""
    fd = runtime_folder.open_folder(environ)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def locked(folder_fd: int) -> Iterator[bool]:
    """Hold `turns.lock`; False when others have it, or when it is no longer the one there."""
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
    """Make a run's file, locked before it says anything; the open descriptor."""
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
    """Close a run's file, and so give its lock back."""
    if fd in _held:  # not so in a forked child, where the number may be another file's
        _held.discard(fd)
        os.close(fd)


def entries(folder_fd: int, own: int) -> list[Entry]:
    """Return the runs that live, but our own, and delete what the dead left. Under the lock."""
    found = []
    for name in os.listdir(folder_fd):
        number, _, kind = name.partition(".")
        if not number.isdecimal() or f".{kind}" not in {WAIT, HOLD}:
            continue
        try:
            fd = os.open(name, _FLAGS, dir_fd=folder_fd)
        except OSError:  # released between our two looks
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
    """Read who it is; whoever cannot be read (another version's) counts as one worker."""
    try:
        told = json.loads(data)
        return Holder(
            str(told["run"]), str(told["checkout"]), int(told["pid"]),
            max(1, int(told["workers"])), waits,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return Holder("?", "?", 0, 1, waits)
