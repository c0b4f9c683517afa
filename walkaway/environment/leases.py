"""Lease a checkout's environments to runs: a run holds a slot's flock for as long as it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from walkaway.environment.project import WITHOUT_SERVICES
from walkaway.process import file_lock

FOLDER = Path("logs/tests/environments")
_NAME_BYTES = 200


class Lease:
    """A run's exclusive use of one environment. The lock ends with the process that holds it.

    The lock file names its holder until the lease is given back properly. A name in a free lock
    means that its holder died, and that the environment is as it was left.
    """

    def __init__(self, fd: int, slot: int, *, left_by: str) -> None:
        self._fd = fd
        self.slot = slot
        self.left_by = left_by
        """Id of the run that held it and never gave it back; empty when it was given back."""

    def give_back(self, *, clean: bool, to: str = "") -> None:
        """End the lease. Pass ``clean`` when the environment is fresh again.

        ``to`` is the id of the run that still uses it, if another one does.
        """
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):
            if clean or to:
                os.ftruncate(self._fd, 0)
                os.pwrite(self._fd, to.encode(), 0)
        os.close(self._fd)
        self._fd = -1


def prepare(root: Path) -> Path:
    """Create the state folder of the environments, with its own .gitignore."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="ascii")
    return folder


def take(root: Path, slots: int, run_id: str, but: frozenset[int] = frozenset()) -> Lease | None:
    """Lease a free environment, preferably one that is up; None when all are taken.

    ``but`` are slots that turned out to be in use by a run without a supervisor.
    """
    folder = prepare(root)
    order = sorted(
        (slot for slot in range(1, slots + 1) if slot not in but),
        key=lambda slot: (not (folder / f"{slot}.json").exists(), slot),
    )
    for slot in order:
        lease = take_slot(root, slot, run_id)
        if lease is not None:
            return lease
    return None


def take_slot(root: Path, slot: int, run_id: str) -> Lease | None:
    """Lease one environment; None when it is taken."""
    folder = prepare(root)
    fd = file_lock.acquire(str(folder / f"{slot}.lock"))
    if fd is None:
        return None
    left_by = os.pread(fd, _NAME_BYTES, 0).decode(errors="replace").strip()
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{run_id}\n".encode(), 0)
    return Lease(fd, slot, left_by="" if left_by == run_id else left_by)


class Share:
    """A share in the project of runs without services. The last run to leave removes its network.

    Any number of runs can have a share. Nobody can join while one checks whether it is the last.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def last(self) -> bool:
        """Return whether nobody else has a share. If so, nobody can get one until `leave`."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """Give the share back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def share(root: Path) -> Share | None:
    """Take a share in slot 0; None while its network is being removed."""
    path = prepare(root) / f"{WITHOUT_SERVICES}.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return Share(fd)


def holders(root: Path, slots: int) -> list[str]:
    """Return the ids of the runs that hold this checkout's environments."""
    found = []
    for slot in range(1, slots + 1):
        path = root / FOLDER / f"{slot}.lock"
        with contextlib.suppress(OSError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(file.read(_NAME_BYTES).decode(errors="replace").strip())
    return [name for name in found if name]
