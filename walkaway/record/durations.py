"""Usual times of tests, taken from the newest finished records.

durations.bin is sorted by the hash of the test id, so one test is found by bisection.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from walkaway.model import progress
from walkaway.record import reader
from walkaway.record.store import Records

_ENTRY = struct.Struct("<8sf")
_LOOK_BACK = 6


def _key(nodeid: str) -> bytes:
    return hashlib.blake2b(nodeid.encode(errors="surrogateescape"), digest_size=8).digest()


def write(path: Path, times_s: Iterable[tuple[str, float]]) -> None:
    """Write durations.bin: 12 bytes per test (id hash, seconds), sorted by the hash."""
    entries = sorted((_key(nodeid), seconds) for nodeid, seconds in times_s)
    path.write_bytes(b"".join(_ENTRY.pack(key, seconds) for key, seconds in entries))


def lookup(path: Path, nodeid: str) -> float | None:
    """Return how many seconds a test took in the run of this durations.bin, or None."""
    target = _key(nodeid)
    try:
        with path.open("rb") as file:
            low, high = 0, os.fstat(file.fileno()).st_size // _ENTRY.size
            while low < high:
                middle = (low + high) // 2
                file.seek(middle * _ENTRY.size)
                key, seconds = _ENTRY.unpack(file.read(_ENTRY.size))
                if key == target:
                    return float(seconds)
                if key < target:
                    low = middle + 1
                else:
                    high = middle
    except (OSError, struct.error):
        return None
    return None


def newest(records: Records, before: str) -> list[Path]:
    """Return durations.bin of up to 6 finished runs older than run ``before``, newest first."""
    found: list[Path] = []
    for run_id in reversed(records.ids()):
        if run_id >= before:
            continue
        path = records.record(run_id).path("durations.bin")
        if path.exists():
            found.append(path)
            if len(found) == _LOOK_BACK:
                break
    return found


def keep_usual(paths: Iterable[Path], target: Path) -> None:
    """Write the usual times from these files, newest first, into one: the newest time of each test.

    A file with no more tests than are already known has hardly anything to add, and is not read.
    Nothing is written when no file can be read.
    """
    known: dict[bytes, float] = {}
    for path in paths:
        try:
            if path.stat().st_size // _ENTRY.size <= len(known):
                continue
            data = path.read_bytes()
        except OSError:
            continue
        whole = data[: len(data) // _ENTRY.size * _ENTRY.size]
        known = {**dict(_ENTRY.iter_unpack(whole)), **known}
    if known:
        target.write_bytes(b"".join(_ENTRY.pack(*entry) for entry in sorted(known.items())))


def usual_s(paths: Iterable[Path], nodeid: str) -> float | None:
    """Return a test's usual seconds, from the first file that has it; None when none does."""
    for path in paths:
        seconds = lookup(path, nodeid)
        if seconds is not None:
            return seconds
    return None


def longest_in_flight_s(record: str) -> float:
    """Return the longest usual time, in seconds, of a run's tests in flight; 0 if none is known."""
    folder = Path(record)
    records = Records(folder.parents[3])
    state = progress.fold(reader.recent_events(folder / "events.jsonl"))
    paths = newest(records, folder.name.removeprefix("test-run-"))
    names = reader.Ids(folder)
    times = [usual_s(paths, names[row.index]) or 0.0 for row in state.running]
    return max(times, default=0.0)
