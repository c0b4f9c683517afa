"""How long `inv progress` takes on a live run of 100,000 tests with a 1 GB log.

The record has the form of a real one and its locks are held by this process, so that the run is
live. Budget: `inv --list` + 60 ms. Run: .venv/bin/python bench/look.py
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import tempfile
import time
from pathlib import Path

from measure import BIN, ROOT, pairs, report, wall_s

TESTS = 100_000
LOG_BYTES = 1024**3
INV = str(BIN / "inv")


def main() -> None:
    with tempfile.TemporaryDirectory(dir=ROOT) as name:
        project = Path(name)
        (project / "tasks.py").write_text("from walkaway import ns\n__all__ = ['ns']\n")
        locks = make_record(project)
        environ = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}

        def listing() -> float:
            return wall_s([INV, "--list"], project, **environ)

        def look() -> float:
            return wall_s([INV, "progress"], project, **environ)

        listing()
        look()
        report(
            f"inv progress, {TESTS:,} tests, 1 GB log, against inv --list",
            0.001,
            "ms",
            pairs(listing, look, 25),
        )
        for fd in locks:
            os.close(fd)


def make_record(project: Path) -> list[int]:
    """Write a run that is 90 % done, its locks held; returns their descriptors."""
    from walkaway.process import clock

    folder = project / "logs/tests/pytest/test-run-20261122-101530-7f3a"
    folder.mkdir(parents=True)
    ids = [
        f"tests/unit/test_module_{n // 100}.py::TestClass::test_case[value-{n}]"
        for n in range(TESTS)
    ]
    offset = 0
    with (
        (folder / "collected.txt").open("wb") as text,
        (folder / "collected.idx").open("wb") as idx,
    ):
        for nodeid in ids:
            line = (nodeid + "\n").encode()
            text.write(line)
            idx.write(struct.pack("<Q", offset))
            offset += len(line)
    write_events(folder / "events.jsonl")
    lock_file = folder / "supervisor.lock"
    fds = []
    for path in (lock_file, folder / "pytest.lock"):
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(fd, fcntl.LOCK_EX)
        fds.append(fd)
    status = lock_file.stat()
    run = {
        "id": "20261122-101530-7f3a",
        "root": str(project),
        "cwd": str(project),
        "args": [],
        "argv": ["pytest"],
        "created_s": time.time(),
        "started_boot": clock.boot_s() - 600,
        "boot_id": clock.boot_id(),
        "host": clock.host(),
        "lock": [status.st_dev, status.st_ino],
    }
    (folder / "run.json").write_text(json.dumps(run))
    with folder.with_name(folder.name + ".log").open("wb") as log:
        block = b"".join(f"{nodeid} PASSED\n".encode() for nodeid in ids[:1000])
        while log.tell() < LOG_BYTES:
            log.write(block)
    return fds


def write_events(path: Path) -> None:
    """Write the events of a run at 90 %, with a checkpoint every 64 KB as the recorder does."""

    def line(kind: str, t: float, **values: object) -> bytes:
        event = {"e": kind, "t": round(t, 3), **values}
        return json.dumps(event, separators=(",", ":")).encode() + b"\n"

    with path.open("wb") as file:
        file.write(line("loaded", 0.4, pid=1, start=1, **{"pass": 1}))
        file.write(line("collected", 3.0, n=TESTS, unique=TESTS, workers=["gw0", "gw1"]))
        mark = file.tell()
        for i in range(TESTS * 9 // 10):
            t, worker = 3 + i / 170, f"gw{i % 2}"
            file.write(line("s", t, i=i, w=worker))
            file.write(line("f", t + 0.01, i=i, r="passed", d=[0.11, 10.2, 0.13], w=worker))
            if file.tell() - mark > 65536:
                file.write(line("k", t, n=TESTS, c={"passed": i + 1}, fl=[], **{"pass": 1}))
                mark = file.tell()
        file.write(line("s", 599, i=TESTS - 1, w="gw0"))


if __name__ == "__main__":
    main()
