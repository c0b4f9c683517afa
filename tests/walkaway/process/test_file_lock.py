"""Locks that tell whether a run lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from walkaway.process import file_lock
from walkaway.process.file_lock import Hold


def test_a_lock_is_held_free_absent_or_not_the_one_that_was_locked(tmp_path: Path) -> None:
    path = str(tmp_path / "a.lock")
    assert file_lock.probe(path) is Hold.ABSENT
    fd = file_lock.acquire(path)
    assert fd is not None
    assert file_lock.acquire(path) is None
    assert file_lock.probe(path) is Hold.HELD
    os.close(fd)
    status = Path(path).stat()
    assert file_lock.probe(path, (status.st_dev, status.st_ino)) is Hold.FREE
    assert file_lock.probe(path, (status.st_dev, status.st_ino + 1)) is Hold.ELSEWHERE


def test_a_probe_is_not_taken_for_a_holder_by_another_probe(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with path.open("w") as another_probe:
        fcntl.flock(another_probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert file_lock.probe(str(path)) is Hold.FREE


def test_a_lock_that_stays_taken_is_waited_for_in_vain(tmp_path: Path) -> None:
    path = str(tmp_path / "a.lock")
    with file_lock.exclusive(path, 0.0):
        with pytest.raises(TimeoutError), file_lock.exclusive(path, 0.01):
            pass
        assert file_lock.probe(path) is Hold.HELD
    assert file_lock.probe(path) is Hold.FREE
