"""What a detached program takes along from its starter: nothing but a lock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.waiting import wait_for

TELLS = """
import json, os, sys
told = {"argv": sys.argv[1:], "cwd": os.getcwd()}
told["open"] = {}
for fd in range(64):
    try:
        told["open"][fd] = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        pass
print(json.dumps(told))
"""
STARTS = """
import os, sys
from pathlib import Path
from walkaway.process import detach, file_lock

root = Path(sys.argv[1])
kept = os.open(root / "starters", os.O_RDWR | os.O_CREAT)
os.set_inheritable(kept, True)
lock = file_lock.acquire(str(root / "lock"))
detach.detached(root / "tells.py", root / "record", root / "log", root, lock)
"""


def test_a_program_has_no_file_of_its_starter_but_the_lock(tmp_path: Path) -> None:
    (tmp_path / "tells.py").write_text(TELLS)
    log = tmp_path / "log"
    # The starter's stdin is a pipe that somebody may be waiting for.
    subprocess.run(
        [sys.executable, "-c", STARTS, str(tmp_path)],
        cwd=REPOSITORY, input=b"", check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    wait_for(lambda: log.exists() and log.read_text().endswith("\n"), "the program's answer")
    told = json.loads(log.read_text())
    lock = str(tmp_path / "lock")
    number = next(fd for fd, path in told["open"].items() if path == lock)
    assert told["argv"] == [str(tmp_path / "record"), number]
    assert told["cwd"] == str(tmp_path)
    assert told["open"] == {"0": "/dev/null", "1": str(log), "2": str(log), number: lock}
