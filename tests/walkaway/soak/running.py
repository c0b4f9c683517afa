"""One suite run to its end, bare or recorded, and what was seen of it.

Knows processes and the record; must not know what has to be equal.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tests.walkaway.soak.suites import Suite
from tests.walkaway.support.scratch import clean_environ
from walkaway.model import ledger
from walkaway.record import reader

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 1800
_SAMPLE_S = 0.2
_TICKS = os.sysconf("SC_CLK_TCK")
_TASKS = """import sys
sys.path.insert(0, {root!r})
from walkaway import ns
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the neutral witness and pytest itself say of one run."""

    code: int
    summary: str
    """The last line that pytest printed, without decoration and time."""
    ids: list[str]
    deselected: int
    collectors: list[tuple[str, str]]
    """(id, outcome) of modules and classes that were skipped whole or could not be collected."""
    reports: list[tuple[str, str, str, bool, bool]]
    """(id, when, outcome, wasxfail, of a subtest), in the order of arrival."""
    junit: ET.Element
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """What Walkaway's record says of one run."""

    outcome: dict[str, Any]
    code: int
    """Exit code of `inv wait`."""
    ids: list[str]
    book: ledger.Ledger
    junit: ET.Element
    collected: dict[str, Any]
    errors: list[dict[str, Any]]
    """What the recorder noted of its own errors."""
    supervisor_cpu_s: float


@dataclass(slots=True)
class Runner:
    """Runs one suite, unpacked in `root`, with the given Python."""

    suite: Suite
    python: Path
    root: Path
    folder: Path
    """For what the runs leave, outside of the suite."""
    count: int = 0

    def bare(self, *distribution: str) -> Seen:
        """Run pytest as anybody would."""
        place = self._place()
        argv = [str(self.python), "-m", "pytest", *self._args(place), *distribution]
        begun = time.monotonic()
        with (place / "log").open("wb") as log:
            done = subprocess.run(
                argv,
                cwd=self.root,
                env=self._environ(place),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                timeout=LIMIT_S,
            )
        return _seen(place, place / "log", done.returncode, time.monotonic() - begun)

    def recorded(self, *flags: str) -> tuple[Seen, Recorded]:
        """Run it by `inv test-async` and `inv wait`; `flags` are the task's own."""
        place = self._place()
        (self.root / "tasks.py").write_text(_TASKS.format(root=str(ROOT)), encoding="utf-8")
        start = ("test-async", "--json", *flags, "--", *self._args(place))
        began = json.loads(self._inv(place, *start))
        folder = self.root / "logs" / "tests" / "pytest" / f"test-run-{began['run']['id']}"
        wait = subprocess.Popen(
            self._task("wait", "--timeout", str(LIMIT_S)),
            cwd=self.root,
            env=self._environ(place),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        spent = 0.0
        while wait.poll() is None:
            spent = max(spent, _cpu_of_supervisor(folder))
            time.sleep(_SAMPLE_S)
        outcome = reader.outcome(folder)
        assert outcome is not None, f"no outcome in {folder}"
        names = reader.ids(folder)
        found = list(reader.all_events(folder / "events.jsonl"))
        recorded = Recorded(
            outcome=outcome,
            code=wait.returncode,
            ids=names,
            book=ledger.build(names, found),
            junit=ET.parse(folder / "junit.xml").getroot()[0],  # noqa: S314 - our own
            collected=next(event for event in found if event["e"] == "collected"),
            errors=[event for event in found if event["e"] == "re"],
            supervisor_cpu_s=spent,
        )
        log = folder.with_suffix(".log")
        return _seen(place, log, outcome["pytest_exit"], outcome["duration_s"]), recorded

    def _place(self) -> Path:
        self.count += 1
        place = self.folder / str(self.count)
        place.mkdir(parents=True)
        return place

    def _args(self, place: Path) -> tuple[str, ...]:
        own = ("-p", "no:cacheprovider", "-p", "soak_observer", "--junitxml", str(place / "x.xml"))
        return (*own, *self.suite.args)

    def _environ(self, place: Path) -> dict[str, str]:
        """Order and examples the same in every run; else what a user's shell would have."""
        environ = clean_environ()
        del environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"], environ["PYTHONDONTWRITEBYTECODE"]
        return environ | {
            "AI_AGENT": "soak",
            "PYTHONHASHSEED": "0",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(place / "hypothesis"),
            "VIRTUAL_ENV": str(self.python.parent.parent),
            "SOAK_OBSERVED": str(place / "observed.json"),
        }

    def _task(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "invoke", *words]

    def _inv(self, place: Path, *words: str) -> bytes:
        return subprocess.run(
            self._task(*words),
            cwd=self.root,
            env=self._environ(place),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            timeout=LIMIT_S,
        ).stdout


def _seen(place: Path, log: Path, code: int, wall_s: float) -> Seen:
    last = log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
    observed = json.loads((place / "observed.json").read_bytes())
    return Seen(
        code=code,
        summary=last.strip("= ").rpartition(" in ")[0],
        ids=observed["ids"],
        deselected=observed["deselected"],
        collectors=[tuple(report) for report in observed["collectors"]],
        reports=[tuple(report) for report in observed["reports"]],
        junit=ET.parse(place / "x.xml").getroot()[0],  # noqa: S314 - pytest wrote it
        wall_s=wall_s,
        cpu_s=observed["cpu_s"],
    )


def _cpu_of_supervisor(folder: Path) -> float:
    """Return CPU seconds of the supervisor itself, 0 when it is not there."""
    with contextlib.suppress(OSError, StopIteration, IndexError, ValueError):
        head = reader.head(folder / "supervisor.jsonl", 1024).split(b"\n")[0]
        pid = json.loads(head)["pid"]
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0
