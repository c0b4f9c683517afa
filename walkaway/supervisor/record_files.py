"""Hold the record's files open: reserve space ahead, and restore the files if they are deleted."""

from __future__ import annotations

import contextlib
import fcntl
import os

from walkaway.process import kernel

_AHEAD = 1024 * 1024
_CHUNK = 1 << 20
_NAMES = ("events.jsonl", "failures.jsonl", "collected.txt", "collected.idx", "supervisor.jsonl")


class RecordFiles:
    """Holds open every file that grows while the run lives.

    The recorder appends to the same files, so after a deletion its bytes still arrive in the
    descriptors held here. The log lies beside the record folder.
    """

    def __init__(self, record: str, lock_fd: int) -> None:
        self.record = record
        self.log_path = record + ".log"
        self.lock_fd = lock_fd
        self._run_json = _read(os.path.join(record, "run.json"))
        self.fds = {name: _open(os.path.join(record, name)) for name in _NAMES}
        self.log_fd = _open(self.log_path)
        self._reserved: dict[str, int] = {}
        self._copies: dict[str, int] = {}
        self.restored = False

    def events_size(self) -> int:
        """Return the size of events.jsonl in bytes."""
        return os.fstat(self.fds["events.jsonl"]).st_size

    def reserve(self) -> None:
        """Reserve a megabyte beyond the end of events and failures: writable on a full disk."""
        for name in ("events.jsonl", "failures.jsonl"):
            length = os.fstat(self.fds[name]).st_size
            if length + _AHEAD // 2 > self._reserved.get(name, 0) and kernel.reserve(
                self.fds[name], length, _AHEAD
            ):
                self._reserved[name] = length + _AHEAD

    def reopen(self) -> None:
        """Switch to the restored files, which the next pass of pytest will open."""
        if not self._copies:
            return
        self.check()
        for name in _NAMES:
            # Keep the descriptor numbers: the journal and others hold them.
            fresh = _open(os.path.join(self.record, name))
            os.dup2(fresh, self.fds[name], inheritable=False)
            os.close(fresh)
        fresh = _open(self.log_path)
        os.dup2(fresh, self.log_fd, inheritable=False)
        os.close(fresh)
        self._copies = {}
        self._reserved = {}

    def release(self) -> None:
        """Free space that was reserved and not used."""
        for name in self._reserved:
            fd = self.fds[name]
            with contextlib.suppress(OSError):
                # Truncating to the current size frees the blocks reserved beyond the end.
                os.ftruncate(fd, os.fstat(fd).st_size)

    def check(self) -> None:
        """Restore a deleted record, and keep a restored one up to date."""
        if not self._copies and self._is_there():
            return
        with contextlib.suppress(OSError):
            if not os.path.exists(os.path.join(self.record, "run.json")):
                self._restore()
            self._copy_on()

    def _is_there(self) -> bool:
        try:
            status = os.stat(os.path.join(self.record, "events.jsonl"))
            os.stat(self.log_path)
        except OSError:
            return False
        mine = os.fstat(self.fds["events.jsonl"])
        return (status.st_dev, status.st_ino) == (mine.st_dev, mine.st_ino)

    def _restore(self) -> None:
        """Recreate the folder with its lock and run.json; the other files are copied afterwards."""
        os.makedirs(self.record, exist_ok=True)
        ignore = os.path.join(os.path.dirname(self.record), ".gitignore")
        if not os.path.exists(ignore):
            with open(ignore, "wb") as file:
                file.write(b"*\n")
        lock = os.open(os.path.join(self.record, "supervisor.lock"), os.O_RDWR | os.O_CREAT, 0o644)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(os.path.join(self.record, "run.json"), "wb") as file:
            file.write(self._relocked(lock))
        self._copies = dict.fromkeys((*_NAMES, "log"), 0)
        self.restored = True

    def _relocked(self, lock: int) -> bytes:
        """Return run.json with device and inode of the new lock file."""
        import json

        data = json.loads(self._run_json)
        status = os.fstat(lock)
        data["lock"] = [status.st_dev, status.st_ino]
        return json.dumps(data, indent=1).encode() + b"\n"

    def _copy_on(self) -> None:
        """Copy what the open files hold to the restored ones."""
        if not self._copies:  # only the log, or a single file, is gone: copy everything
            self._copies = dict.fromkeys((*_NAMES, "log"), 0)
        for name, done in self._copies.items():
            source = self.log_fd if name == "log" else self.fds[name]
            target = self.log_path if name == "log" else os.path.join(self.record, name)
            self._copies[name] = _copy(source, target, done)


def _copy(source: int, path: str, done: int) -> int:
    """Copy what ``source`` has beyond byte ``done`` to ``path``; return the new ``done``."""
    try:
        status = os.stat(path)
    except OSError:
        done = 0
    else:
        mine = os.fstat(source)
        if (status.st_dev, status.st_ino) == (mine.st_dev, mine.st_ino):
            return done
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while data := os.pread(source, _CHUNK, done):
            done += os.pwrite(target, data, done)
    finally:
        os.close(target)
    return done


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
