"""Records made by hand, as finished, live, torn or foreign ones lie in the folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walkaway.model.run import Run, to_json
from walkaway.process import clock
from walkaway.record.store import Records

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY_S = 86400.0
FILES = ("run.json", "supervisor.lock", "events.jsonl", "collected.txt", "outcome.json")
_HOLD = """
import fcntl, sys
files = [open(path, "rb+") for path in sys.argv[1:]]
for file in files:
    fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@dataclass(slots=True)
class Folder:
    """The records folder of a scratch project."""

    root: Path
    now_s: float = field(default_factory=time.time)
    holders: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return Records(self.root).folder

    def finished(self, days_old: float, *, outcome: str = "passed", **run: object) -> str:
        """Make a whole record that ended so many days ago; returns its id."""
        run_id = self.dead(days_old, **run)
        path = self.path / f"test-run-{run_id}" / "outcome.json"
        path.write_text(json.dumps({"schema": 1, "outcome": outcome, "code": 0}), encoding="utf-8")
        self.age(run_id, days_old)
        return run_id

    def dead(self, days_old: float, **run: object) -> str:
        """Make a record that was broken off: no outcome, and nobody holds its locks."""
        Records(self.root).prepare()
        run_id = self.id(days_old)
        folder = self.path / f"test-run-{run_id}"
        (folder / "stacks").mkdir(parents=True)
        (folder / "stacks" / "1.txt").write_text("1 2 -\n", encoding="utf-8")
        for name in FILES[1:-1]:
            (folder / name).touch()
        lock = (folder / "supervisor.lock").stat()
        values: dict[str, Any] = {
            "id": run_id, "root": str(self.root), "cwd": str(self.root), "args": (), "argv": (),
            "created_s": self.now_s - days_old * DAY_S, "started_boot": 0.0,
            "boot_id": clock.boot_id(), "host": clock.host(), "lock": (lock.st_dev, lock.st_ino),
        }  # fmt: skip
        extra = {key: run.pop(key) for key in tuple(run) if key == "hunt"}
        data = to_json(Run(**{**values, **run})) | extra
        (folder / "run.json").write_text(json.dumps(data), encoding="utf-8")
        folder.with_name(f"{folder.name}.log").write_text("collected 1 item\n" * 500)
        self.age(run_id, days_old)
        return run_id

    def id(self, days_old: float) -> str:
        """Return a free id of that age."""
        moment = self.now_s - days_old * DAY_S
        while True:
            stamp = datetime.fromtimestamp(moment, UTC)
            run_id = f"{stamp:%Y%m%d-%H%M%S}-{int(moment % 1 * 0x10000):04x}"
            if not (self.path / f"test-run-{run_id}").exists():
                return run_id
            moment -= 1 / 64

    def age(self, run_id: str, days_old: float) -> None:
        moment = self.now_s - days_old * DAY_S
        folder = self.path / f"test-run-{run_id}"
        for path in (folder.with_name(f"{folder.name}.log"), *folder.rglob("*"), folder):
            os.utime(path, (moment, moment))

    def hold(self, run_id: str, *names: str) -> subprocess.Popen[str]:
        """Let a real process hold locks of a record."""
        folder = self.path / f"test-run-{run_id}"
        for name in names:
            (folder / name).touch()
        return self.hold_paths(folder / name for name in names)

    def hold_paths(self, paths: Iterable[Path]) -> subprocess.Popen[str]:
        holder = subprocess.Popen(
            [sys.executable, "-c", _HOLD, *map(str, paths)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.holders.append(holder)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        return holder

    def ids(self) -> set[str]:
        return set(Records(self.root).ids())

    def names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()}

    def is_whole(self, run_id: str) -> bool:
        """Tell whether a run is there with everything that belongs to it."""
        folder = self.path / f"test-run-{run_id}"
        parts = [*(folder / name for name in FILES), folder / "stacks" / "1.txt"]
        return all(path.exists() for path in (*parts, folder.with_name(f"{folder.name}.log")))

    def close(self) -> None:
        for holder in self.holders:
            holder.communicate()
