"""A real pytest with the recorder in it, and what it left in its record."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.walkaway.support import warm
from tests.walkaway.support.scratch import PYTEST, kill, of_run
from tests.walkaway.support.waiting import PATIENCE_S, wait_for
from walkaway.record import reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECORDER = Path(__file__).resolve().parents[3] / "walkaway" / "recorder"
_OURS = ("WALKAWAY_", "PYTEST_", "PYTHONPATH", "COV_", "COVERAGE_", "TESTMON")

Event = dict[str, Any]


def lines_of(path: Path) -> list[Event]:
    """Return the JSON lines of a file; a line that is none is left out, as readers do."""
    found = []
    for line in (path.read_bytes() if path.exists() else b"").split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        found.append(event)
    return found


@dataclass(slots=True)
class Recorded:
    """One record and the pytest that writes, or wrote, it."""

    folder: Path
    process: warm.Process | subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return self.folder.with_suffix(".log").read_text(encoding="utf-8", errors="replace")

    def wait(self) -> int:
        """Return pytest's exit code."""
        return self.process.wait(PATIENCE_S)

    def events(self, *kinds: str) -> list[Event]:
        """Return the events of these kinds, or all, in their order."""
        found = list(reader.all_events(self.folder / "events.jsonl"))
        return [event for event in found if not kinds or event["e"] in kinds]

    def one(self, kind: str) -> Event:
        """Return the only event of a kind."""
        found = self.events(kind)
        assert len(found) == 1, f"{len(found)} events {kind!r}\n{self.log}"
        return found[0]

    def ids(self) -> list[str]:
        """Return the ids by number, read through the index."""
        if not (self.folder / "collected.idx").exists():
            return []
        text = (self.folder / "collected.txt").read_bytes()
        index = (self.folder / "collected.idx").read_bytes()
        found = []
        for (offset,) in struct.iter_unpack("<Q", index):
            line = text[offset : text.index(b"\n", offset)]
            quoted = line.startswith(b'"')
            found.append(json.loads(line) if quoted else line.decode("utf-8", "surrogateescape"))
        return found

    def results(self) -> list[tuple[str, str]]:
        """Return (last part of the id, result) in the order of finishing."""
        ids = self.ids()
        return [(ids[e["i"]].partition("::")[2], e["r"]) for e in self.events("f")]

    def failure(self, number: int) -> Event:
        """Return the line of failures.jsonl that an event's `x` names."""
        raw = (self.folder / "failures.jsonl").read_bytes().split(b"\n")
        found: Event = json.loads(raw[number])
        return found

    def failures(self) -> list[Event]:
        return lines_of(self.folder / "failures.jsonl")

    def errors(self) -> list[Event]:
        """Return what the recorder noted of its own errors: nothing, in a healthy run."""
        return self.events("re")


@dataclass(slots=True)
class Project:
    """A folder of tests that shares nothing with this repository's own pytest."""

    root: Path
    started: list[Recorded] = field(default_factory=list)

    def write(self, **files: str) -> None:
        """Write modules, given by name without `.py`."""
        for name, text in files.items():
            (self.root / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")

    def environment(self, folder: Path, number: int) -> dict[str, str]:
        """Return what the supervisor would give to pytest."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
        return clean | {
            "PYTHONPATH": f"{RECORDER}{os.pathsep}",
            "WALKAWAY_RECORD": str(folder),
            "WALKAWAY_RUN": str(folder),
            "WALKAWAY_EPOCH": str(time.clock_gettime(time.CLOCK_BOOTTIME)),
            "WALKAWAY_PASS": str(number),
            # The plugins of the environment that runs this suite stay out, unless named.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }

    def start(
        self,
        *args: str,
        env: Mapping[str, str | None] | None = None,
        into: Recorded | None = None,
        select: Sequence[str] | None = None,
        command: Sequence[str] = (*PYTEST, "-p", "walkaway_recorder"),
        cold: bool = False,
    ) -> Recorded:
        """Start pytest with the recorder; a pass into an earlier record if one is given.

        With `cold`, in an interpreter of its own from the start.
        """
        folder = into.folder if into else self.root / f"record-{len(self.started)}"
        folder.mkdir(exist_ok=True)
        (self.root / "pytest.ini").touch()
        number = 1 + sum(one.folder == folder for one in self.started)
        given = self.environment(folder, number)
        if select is not None:
            listed = folder / f"select-{number}.txt"
            listed.write_text("".join(f"{nodeid}\n" for nodeid in select), encoding="utf-8")
            given["WALKAWAY_SELECT"] = str(listed)
        for name, value in (env or {}).items():
            given.pop(name, None)
            if value is not None:
                given[name] = value
        argv = [*command, "-o", "verbosity_test_cases=1", "-p", "no:cacheprovider", *args]
        with folder.with_suffix(".log").open("ab") as log:
            process = warm.popen(argv, cwd=self.root, env=given, stdout=log, stderr=log, cold=cold)
        recorded = Recorded(folder, process)
        self.started.append(recorded)
        return recorded

    def run(self, *args: str, **how: Any) -> Recorded:  # noqa: ANN401 - those of start
        """Run pytest with the recorder to its end."""
        recorded = self.start(*args, **how)
        recorded.wait()
        return recorded

    def wait_until_running(self, recorded: Recorded, name: str) -> None:
        """Wait until the test of this name was started."""

        def running() -> bool:
            # Numbers first: an id is on disk before the event that uses it.
            numbers = [e["i"] for e in recorded.events("s")]
            ids = recorded.ids() if numbers else []
            return any(ids[number].endswith(name) for number in numbers)

        wait_for(running, f"{name} to run\n{recorded.log}")

    def close(self) -> None:
        """End what still runs, and what its tests have left behind."""
        for recorded in self.started:
            if recorded.process.poll() is None:
                recorded.process.kill()
                recorded.process.wait(PATIENCE_S)
            kill(of_run(recorded.folder, self.root))
