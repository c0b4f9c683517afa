"""Inspect a records folder: what each entry is, and whether somebody still uses it.

Writes nothing and adopts nothing. A name counts only in exactly our form, and an entry only if it
is itself a folder or file: a symlink is always foreign.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes, progress
from walkaway.model.run import Run, from_json
from walkaway.process import clock, file_lock, proc_table
from walkaway.record import evidence, reader, run_ids
from walkaway.record.store import PREFIX, Record
from walkaway.upkeep.retention import Found, Kind, Leftover, Plan, State, Stored

GONE = ".gone-"
NEW = ".new-"
PID_FILE = ".current_test.pid"
_OWN = frozenset({".gitignore", ".start.lock"})
_NEW_NAME = re.compile(r"\.new-(\d{8}-\d{6}-[0-9a-f]{4})-\d+")
_MARK_NAME = re.compile(r"\.start-(?:run|hunt)-[0-9a-f]{16}\.json(?:\.\d+)?")
_READ_BYTES = 1 << 20
_TICKS = 0x10000


def survey(folder: Path) -> Found:
    """Return what is in a records folder; empty when the folder does not exist.

    `WalkawayError` 73 when it cannot be listed.
    """
    try:
        entries = _entries(folder)
    except (FileNotFoundError, NotADirectoryError):
        return Found()
    except OSError as error:
        message = f"The records in {folder} cannot be listed: {error.strerror}."
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error
    runs, leftovers, foreign = [], [], 0
    logs = _known_logs(entries)
    for name, status in sorted(entries.items()):
        if name in _OWN or (name in logs and stat.S_ISREG(status.st_mode)):
            continue
        run_id = name.removeprefix(PREFIX)
        if name.startswith(PREFIX) and _is_folder(status) and _when(run_id) is not None:
            runs.append(stored(folder, run_id))
            continue
        left = _leftover(folder, name, status)
        if left is None:
            foreign += 1
        else:
            leftovers.append(left)
    return Found(tuple(runs), tuple(leftovers), foreign)


def stored(folder: Path, run_id: str) -> Stored:
    """Inspect one record: whether it is finished, and since when."""
    record = Record(folder / (PREFIX + run_id))
    times = [_when(run_id) or 0.0]
    for path in (record.log, record.path("outcome.json")):
        status = _lstat(path)
        if status is not None and stat.S_ISREG(status.st_mode):
            times.append(status.st_mtime)
    state, note = _state(record)
    return Stored(run_id, state, max(times), note)


def gone_id(name: str) -> str | None:
    """Return the run id of a `.gone-ID` folder or a `.gone-ID.log`, else None."""
    run_id = name.removeprefix(GONE).removesuffix(".log")
    return run_id if name.startswith(GONE) and _when(run_id) is not None else None


def new_id(name: str) -> str | None:
    """Return the run id of a `.new-ID-PID` folder, else None."""
    match = _NEW_NAME.fullmatch(name)
    return match[1] if match else None


def _entries(folder: Path) -> dict[str, os.stat_result]:
    """Return a folder's entries, without those that vanish while it is listed."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                found[entry.name] = entry.stat(follow_symlinks=False)
    return found


def _is_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode)


def _known_logs(entries: dict[str, os.stat_result]) -> set[str]:
    """Return the names of logs whose folder is there: a log goes and stays with its folder."""
    folders = [name for name, status in entries.items() if _is_folder(status)]
    found = {name.removeprefix(PREFIX) for name in folders if name.startswith(PREFIX)}
    found |= {run_id for name in folders if (run_id := gone_id(name) or new_id(name))}
    return {f"{PREFIX}{run_id}.log" for run_id in found if _when(run_id) is not None}


def _when(run_id: str) -> float | None:
    """Return the time in a run id, in seconds since the epoch; None when it is no date."""
    if not run_ids.is_id(run_id):
        return None
    stamp, _, ticks = run_id.rpartition("-")
    try:
        moment = datetime.strptime(stamp, "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() + int(ticks, 16) / _TICKS


def _leftover(folder: Path, name: str, status: os.stat_result) -> Leftover | None:
    regular = stat.S_ISREG(status.st_mode)
    if (_is_folder(status) or (regular and name.endswith(".log"))) and gone_id(name):
        return Leftover(name, Kind.GONE, status.st_mtime)
    started = new_id(name)
    if started and _is_folder(status):
        # Dated by its id, because deleting in the folder changes its own time.
        made_s = _when(started) or status.st_mtime
        return Leftover(name, Kind.NEW, made_s, live=start_lives(folder / name))
    if regular and (name == PID_FILE or re.fullmatch(re.escape(PID_FILE) + r"\.\d+", name)):
        return Leftover(name, Kind.PID, status.st_mtime, live=lives(folder / name))
    if regular and _MARK_NAME.fullmatch(name):
        return Leftover(name, Kind.MARK, status.st_mtime)
    return None


def start_lives(new: Path) -> bool:
    """Return whether somebody holds the lock of a `.new-*` folder, a run's or a hunt's."""
    locks = (str(new / name) for name in ("supervisor.lock", "driver.lock"))
    return any(file_lock.probe(path) is file_lock.Hold.HELD for path in locks)


def lives(path: Path) -> bool:
    """Return whether the process of a PID file may be alive. True for an unreadable file."""
    text = (_read(path) or b"").strip()
    return not text.isdigit() or proc_table.alive(int(text), 0)


def _state(record: Record) -> tuple[State, str]:
    status = _lstat(record.folder)
    if status is None or os.geteuid() not in {0, status.st_uid}:
        return State.FOREIGN, "of another user"
    data = _json(record.path("run.json"))
    try:
        run = from_json(data or {})
    except ValueError:
        return State.TORN, "its run.json cannot be read"
    if run.hunt and not _hunt_ended(record.folder.parent, run.hunt):
        return State.HUNT, "an attempt of a running hunt"
    held = file_lock.probe(str(record.path("supervisor.lock")), run.lock)
    pytest_lock = file_lock.probe(str(record.path("pytest.lock")))
    if file_lock.Hold.HELD in {held, pytest_lock}:
        return State.LIVE, "running"
    return _unheld(record, run, held)


def _hunt_ended(folder: Path, hunt: str) -> bool:
    """Return whether a hunt has its verdict, and with it a copy of its attempts' results."""
    return run_ids.is_id(hunt) and _json(folder / f"hunt-{hunt}" / "outcome.json") is not None


def _unheld(record: Record, run: Run, held: file_lock.Hold) -> tuple[State, str]:
    """Judge a run whose locks nobody seems to hold. On another machine that proves nothing."""
    known = held is file_lock.Hold.FREE and bool(evidence.of_last_pass(str(record.folder)))
    if known or _json(record.path("outcome.json")) is not None or _recorded_its_end(record):
        return State.DONE, ""
    if held is file_lock.Hold.ABSENT:
        return State.TORN, "its lock is gone and it left no verdict"
    if run.host != clock.host():
        return State.UNKNOWN, f"no verdict, started on {run.host.split(' ')[0] or 'another host'}"
    if run.boot_id != clock.boot_id():
        return State.UNKNOWN, "no verdict, started before this boot"
    if held is file_lock.Hold.ELSEWHERE:
        return State.UNKNOWN, "no verdict, and its locks are not visible from here"
    return State.DONE, ""


def _recorded_its_end(record: Record) -> bool:
    path = record.path("events.jsonl")
    status = _lstat(path)
    if status is None or not stat.S_ISREG(status.st_mode):
        return False
    return progress.fold(reader.recent_events(path)).ended is not None


def _json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(_read(path) or b"")
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _read(path: Path) -> bytes | None:
    """Read a small regular file. Refuses symlinks, and a FIFO, which would block."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        try:
            return file.read(_READ_BYTES) if stat.S_ISREG(os.fstat(fd).st_mode) else None
        except OSError:
            return None


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def sizes(folder: Path, plan: Plan) -> dict[str, int]:
    """Return the size on disk of each entry of a plan, by run id and leftover's name.

    In bytes, counted in blocks, because logs may have holes.
    """
    found = {left.name: _size(folder / left.name) for left in plan.leftovers}
    for fate in plan.go:
        name = PREFIX + fate.run.id
        found[fate.run.id] = _size(folder / name) + _size(folder / f"{name}.log")
    return found


def _size(path: Path) -> int:
    status = _lstat(path)
    if status is None:
        return 0
    total = status.st_blocks * 512
    if _is_folder(status):
        try:
            total += sum(map(_size, path.iterdir()))
        except OSError:
            return total
    return total
