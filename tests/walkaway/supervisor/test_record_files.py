"""A record that somebody deletes while its run lives, restored without a run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from walkaway.process import file_lock
from walkaway.supervisor.record_files import RecordFiles


def identity(path: Path) -> list[int]:
    """Device and inode, as run.json names the lock."""
    status = path.stat()
    return [status.st_dev, status.st_ino]


def test_a_restored_record_has_all_that_was_written_and_names_its_new_lock(tmp_path: Path) -> None:
    folder = tmp_path / "pytest" / "test-run-20261122-101530-7f3a"
    folder.mkdir(parents=True)
    lock = folder / "supervisor.lock"
    fd = file_lock.acquire(str(lock))
    assert fd is not None
    (folder / "run.json").write_text(json.dumps({"id": "x", "lock": identity(lock)}))
    files = RecordFiles(str(folder), fd)
    os.write(files.fds["events.jsonl"], b"before\n")
    shutil.rmtree(folder.parent)
    os.write(files.fds["events.jsonl"], b"after\n")
    os.write(files.log_fd, b"printed\n")
    files.check()
    os.write(files.fds["events.jsonl"], b"later\n")
    files.check()
    assert files.restored
    assert (folder / "events.jsonl").read_bytes() == b"before\nafter\nlater\n"
    assert folder.with_name(f"{folder.name}.log").read_bytes() == b"printed\n"
    found = json.loads((folder / "run.json").read_bytes())
    # A run whose record names another lock is not known to be over when its processes are gone.
    assert found == {"id": "x", "lock": identity(lock)}
    assert file_lock.probe(str(lock)) is file_lock.Hold.HELD
