"""Mark a start that has made no record: one small file per origin, until a start succeeds.

A look without `--run` means the last start. Without the mark it would show the previous run, and
untested code would seem to have passed. The mark is written before anything is checked, so a
killed start leaves it too. If it cannot be written, the start goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.last_start import LastStart, Stage
from walkaway.process import clock, proc_table, runtime_folder
from walkaway.record.store import Records

PREFIX = ".start-"
_SCHEMA = 1
_MOST_CHARS = 1200
_MOST_BYTES = 16 * 1024
_MOST_MARKS = 64
"""Origins come and go, and one that is gone never clears its mark."""
_LOOK_BACK = 50
_DIED = "it died before it made a record or reported why not (killed?)"
_UNWRITTEN = "it was refused, and the reason could not be stored (no space left?)"


@dataclass(frozen=True, slots=True)
class MarkPlace:
    """Where one origin's mark is kept, and how to find what that origin has started since."""

    folder: Path
    root: Path
    kind: str
    """`run` or `hunt`; each has its own mark."""
    origin_key: str
    environ: Mapping[str, str]
    ids: Callable[[], list[str]]
    """Returns the ids of all records of this kind, oldest first."""
    origin_of: Callable[[str], str]
    """Returns the origin key of a record; raises `WalkawayError` when it cannot be read."""

    @property
    def name(self) -> str:
        """The mark's file name in the records folder."""
        return f"{PREFIX}{self.kind}-{_digest(self.origin_key)}.json"

    @property
    def spare_name(self) -> str:
        """Its file name in the user's runtime folder, used if the records folder takes no file."""
        return f"start-{self.kind}-{_digest(os.path.realpath(self.root), self.origin_key)}.json"


def of_runs(records: Records, origin_key: str, environ: Mapping[str, str]) -> MarkPlace:
    """Return where an origin's mark for runs is kept."""
    return MarkPlace(
        folder=records.folder,
        root=records.root,
        kind="run",
        origin_key=origin_key,
        environ=environ,
        ids=records.ids,
        origin_of=lambda run_id: records.record(run_id).run().origin.key,
    )


@contextlib.contextmanager
def marked(place: MarkPlace, command: str) -> Iterator[None]:
    """Keep a start marked until it succeeds; if it is refused, the mark gets the reason."""
    begin(place, command)
    try:
        yield
    except WalkawayError as error:
        refuse(place, command, error.code, error.message)
        raise
    except BaseException as error:
        refuse(place, command, exit_codes.VANISHED, f"{type(error).__name__}: {error}")
        raise
    clear(place)


def begin(place: MarkPlace, command: str) -> None:
    """Mark that a start is under way."""
    who = {"pid": os.getpid(), "start": proc_table.start_ticks(os.getpid()), "host": clock.host()}
    _write(place, {"stage": Stage.STARTING, "command": command[:_MOST_CHARS], **who})


def refuse(place: MarkPlace, command: str, code: int, message: str) -> None:
    """Mark that the last start was refused, with its exit code and message."""
    mark = {"code": code, "message": message[:_MOST_CHARS], "command": command[:_MOST_CHARS]}
    _write(place, {"stage": Stage.REFUSED, **mark})


def clear(place: MarkPlace) -> None:
    """Remove the mark after a successful start, unless another start under way made it."""
    found = _read(place)
    if found is None or (_under_way(found) and found.get("pid") != os.getpid()):
        return
    with contextlib.suppress(OSError):
        (place.folder / place.name).unlink()
    with contextlib.suppress(OSError), _spare_folder(place.environ) as fd:
        os.unlink(place.spare_name, dir_fd=fd)


def standing(place: MarkPlace) -> LastStart | None:
    """Return the last start if it made no record; None if it did, or if there was none."""
    found = _read(place)
    if found is None or _overtaken(place, found.get("after")):
        return None
    stage, code, message = Stage.REFUSED, exit_codes.CANNOT_RECORD, _UNWRITTEN
    if found.get("stage") == Stage.STARTING:
        stage, code, message = Stage.DIED, exit_codes.VANISHED, _DIED
        if _under_way(found):
            stage, code, message = Stage.STARTING, exit_codes.STILL_RUNNING, ""
    elif found.get("stage") == Stage.REFUSED:
        # A refusal without a code must not look like success to `wait`.
        code = _whole(found.get("code")) or exit_codes.WRONG_USE
        message = str(found.get("message") or "")
    command = str(found.get("command") or "")
    return LastStart(stage, code, message, command, _number(found.get("at_s")))


def _overtaken(place: MarkPlace, after: object) -> bool:
    """Return whether this origin has a record newer than the mark, so the start did succeed.

    ``after``: the newest id when the mark was made; not a string when the mark is empty.
    """
    if not isinstance(after, str):
        return False
    for record_id in reversed(place.ids()[-_LOOK_BACK:]):
        if record_id <= after:
            return False
        with contextlib.suppress(WalkawayError):
            if place.origin_of(record_id) == place.origin_key:
                return True
    return False


def _under_way(found: Mapping[str, Any]) -> bool:
    if found.get("stage") != Stage.STARTING or found.get("host") != clock.host():
        return False
    pid = _whole(found.get("pid"))
    return pid > 0 and proc_table.alive(pid, _whole(found.get("start")))


def _write(place: MarkPlace, mark: Mapping[str, Any]) -> None:
    """Write the mark atomically; on a full disk it is an empty file.

    Falls back to the user's runtime folder. Errors are ignored.
    """
    newest = place.ids()[-1:]
    data = {"schema": _SCHEMA, **mark, "at_s": time.time(), "after": "".join(newest)}
    text = json.dumps(data).encode()
    with contextlib.suppress(WalkawayError, OSError):
        Records(place.root).prepare()
        fd = os.open(place.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _replace(fd, place.name, text)
            _prune(fd, PREFIX)
        finally:
            os.close(fd)
        return
    with contextlib.suppress(OSError):
        fd = runtime_folder.open_folder(place.environ)
        try:
            _replace(fd, place.spare_name, text)
            _prune(fd, PREFIX.lstrip("."))
        finally:
            os.close(fd)


def _replace(folder_fd: int, name: str, text: bytes) -> None:
    temporary = f"{name}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600, dir_fd=folder_fd)
    try:
        with contextlib.suppress(OSError):
            if os.write(fd, text) < len(text):
                os.ftruncate(fd, 0)
    finally:
        os.close(fd)
    os.rename(temporary, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)


def _prune(folder_fd: int, prefix: str) -> None:
    """Delete all but the 64 newest marks."""
    names = [name for name in os.listdir(folder_fd) if name.startswith(prefix)]
    if len(names) <= _MOST_MARKS:
        return
    times = {}
    for name in names:
        with contextlib.suppress(OSError):
            times[name] = os.lstat(name, dir_fd=folder_fd).st_mtime_ns
    for name in sorted(times, key=lambda name: times[name])[:-_MOST_MARKS]:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder_fd)


def _read(place: MarkPlace) -> dict[str, Any] | None:
    """Return the newer of the two marks; None when there is none."""
    found = []
    with contextlib.suppress(OSError):
        found.append(_parsed(os.open(place.folder / place.name, _READ)))
    with contextlib.suppress(OSError), _spare_folder(place.environ) as folder_fd:
        found.append(_parsed(os.open(place.spare_name, _READ, dir_fd=folder_fd)))
    return max(found, key=lambda mark: _number(mark.get("at_s")), default=None)


# O_NONBLOCK: the open must not hang on a FIFO in the mark's place.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _parsed(fd: int) -> dict[str, Any]:
    """Read a mark and close it; for one without valid content, return only its time."""
    try:
        status = os.fstat(fd)
        data = os.read(fd, _MOST_BYTES) if stat.S_ISREG(status.st_mode) else b""
    finally:
        os.close(fd)
    with contextlib.suppress(ValueError):
        mark = json.loads(data)
        if isinstance(mark, dict):
            return mark
    return {"at_s": status.st_mtime}


@contextlib.contextmanager
def _spare_folder(environ: Mapping[str, str]) -> Iterator[int]:
    """Open the runtime folder only if it exists: a look must not create it."""
    if not os.path.isdir(runtime_folder.path(environ)):
        raise FileNotFoundError
    fd = runtime_folder.open_folder(environ)
    try:
        yield fd
    finally:
        os.close(fd)


def _digest(*parts: str) -> str:
    text = "\0".join(parts).encode(errors="surrogateescape")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
