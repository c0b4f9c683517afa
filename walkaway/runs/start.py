"""Start a run: join an identical live one, or make the record and launch a supervisor."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from walkaway import __version__
from walkaway.errors import WalkawayError
from walkaway.model import events, exit_codes, journal_kinds
from walkaway.model.run import Run, to_json
from walkaway.process import clock, detach, file_lock
from walkaway.record import durations, run_ids
from walkaway.record.store import FOLDER, Record, Records
from walkaway.runs import command, source_tree
from walkaway.runs import second_pass as passes

_START_WAIT_S = 60.0
"""Twice what a queue of fifty starts takes on a busy machine."""
_TREE_WAIT_S = 5.0
_LOCK_FILE = ".start.lock"


@dataclass(frozen=True, slots=True)
class Started:
    """The result of a start: the run, and whether it was already running."""

    record: Record
    run: Run
    joined: bool


def start(records: Records, planned: Run, *, again: bool, select: tuple[str, ...] = ()) -> Started:
    """Start ``planned``, or return an identical run that is already live.

    Id, times and lock of ``planned`` are filled in here. ``again``: never join a live run.
    ``select``: for a rerun, the node ids to keep. Raises `WalkawayError` 73 when no record can be
    made, 69 when the supervisor cannot be started.
    """
    records.prepare()
    try:
        with file_lock.exclusive(str(records.folder / _LOCK_FILE), _START_WAIT_S):
            planned = planned._replace(key=key(planned, select))
            if not again and (twin := _twin(records, planned)):
                return Started(twin, twin.run(), joined=True)
            return _create(records, planned, select)
    except TimeoutError as error:
        message = (
            f"Another start has held {FOLDER / _LOCK_FILE} for {_START_WAIT_S:.0f} s.\n"
            "No run was started. List the runs: inv runs"
        )
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error
    except OSError as error:
        message = (
            f"Cannot make a record in {records.folder}: {error.strerror or error}.\n"
            "No run was started. Fix the folder (owner, space), then try again."
        )
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error


def key(run: Run, select: tuple[str, ...]) -> str:
    """Hash what identical runs share: checkout, folder, command and selection, but no limits."""
    parts = [os.path.realpath(run.root), run.cwd, run.backend, *run.argv, "", *select]
    if run.order_seed:
        parts += ["order", run.order_seed]
    if run.compose:
        services = "services" if run.compose.services else ""
        parts += ["compose", run.compose.service, *run.compose.files, services]
    return hashlib.blake2b(
        "\0".join(parts).encode(errors="surrogateescape"), digest_size=12
    ).hexdigest()


def _twin(records: Records, planned: Run) -> Record | None:
    """Return a live run with the same key on the same source tree, or None."""
    mine: source_tree.Tree | None = None
    for run_id in reversed(records.ids()):
        record = records.record(run_id)
        if record.path("outcome.json").exists():
            continue
        if file_lock.probe(str(record.path("supervisor.lock"))) is not file_lock.Hold.HELD:
            continue
        try:
            live = record.run()
        except WalkawayError:
            continue
        if live.key != planned.key or record.path("stop.json").exists():
            continue
        mine = mine or source_tree.fingerprint(planned.root)
        theirs, taken_s = _tree_of(record, live)
        if not mine.fingerprint or theirs != mine.fingerprint:
            continue
        if not source_tree.edited_between(planned.root, mine, live.created_s, taken_s):
            return record
    return None


def _tree_of(record: Record, run: Run) -> tuple[str, float]:
    """Return a live run's first tree fingerprint and when it was taken, in wall-clock seconds.

    Its supervisor may still be taking it: wait up to 5 s. ("", 0.0) when none arrives.
    """
    path = record.path("supervisor.jsonl")
    deadline = time.monotonic() + _TREE_WAIT_S
    while time.monotonic() < deadline:
        try:
            with path.open("rb") as file:
                head = file.read(64 * 1024)
        except OSError:
            head = b""
        for event in events.parse(head):
            if event["e"] == journal_kinds.SOURCE_TREE:
                return events.text(event, "fp"), run.created_s + events.number(event, "t")
        if record.path("outcome.json").exists():
            break
        time.sleep(0.01)
    return "", 0.0


def _create(records: Records, planned: Run, select: tuple[str, ...]) -> Started:
    """Make the record under a temporary name, lock it, rename it; it is never visible unlocked."""
    existing = records.ids()
    # Both clocks at one moment: services' logs are matched to events through this pair.
    now, boot_s = time.time(), clock.boot_s()
    run_id = run_ids.new_id(now, existing[-1] if existing else None)
    fresh = records.folder / f".new-{run_id}-{os.getpid()}"
    lock_fd = -1
    try:
        fresh.mkdir()
        fd = file_lock.acquire(str(fresh / "supervisor.lock"))
        if fd is None:
            raise BlockingIOError(None, "a new lock is held by somebody else")
        lock_fd = fd
        status = os.fstat(lock_fd)
        record = records.record(run_id)
        run = planned._replace(
            id=run_id,
            created_s=now,
            started_boot=boot_s,
            boot_id=clock.boot_id(),
            host=clock.host(),
            lock=(status.st_dev, status.st_ino),
            version=__version__,
            select="select.txt" if select else "",
        )
        if select:
            lines = "".join(passes.id_line(nodeid) for nodeid in select)
            (fresh / "select.txt").write_bytes(lines.encode(errors="surrogateescape"))
        if command.FORKS_PLUGIN[1] in run.argv:
            durations.keep_usual(durations.newest(records, run_id), fresh / "usual.bin")
        data = json.dumps(to_json(run), ensure_ascii=True, indent=1)
        (fresh / "run.json").write_text(data + "\n", encoding="ascii")
        record.log.touch(exist_ok=False)
        fresh.rename(record.folder)
        try:
            detach.supervisor(record.folder, Path(run.cwd), lock_fd)
        except OSError as error:
            shutil.rmtree(record.folder, ignore_errors=True)
            record.log.unlink(missing_ok=True)
            message = f"The supervisor cannot be started: {error}.\nNo run was started."
            raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
        return Started(record, run, joined=False)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        records.record(run_id).log.unlink(missing_ok=True)
        raise
    finally:
        if lock_fd >= 0:
            os.close(lock_fd)
