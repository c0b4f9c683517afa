"""Scratch projects, and real runs of them under a real supervisor."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import textwrap
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from tests.walkaway.support.waiting import wait_for
from walkaway.model import events
from walkaway.model.run import Limits, Run
from walkaway.process import proc_table
from walkaway.record.store import Record, Records
from walkaway.runs import command, start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PYTEST = (sys.executable, "-m", "pytest")
_EXITING_S = 5.0
XDIST_MODES = ("load", "loadfile", "loadgroup")


def limits(**values: float) -> Limits:
    """Limits with a short grace and no reserve of disk, so that nothing waits for long."""
    given: dict[str, Any] = {"grace_s": 1.0, "deadline_s": 120.0, "stall_s": 0.0, **values}
    return Limits(**given)


def xdist(mode: str, workers: int = 2) -> tuple[str, ...]:
    """Return the options of a distributed run; none for `serial`."""
    return () if mode == "serial" else ("-p", "xdist", "-n", str(workers), "--dist", mode)


@dataclass(slots=True)
class Live:
    """One run: what its record says, and its processes."""

    record: Record
    run: Run

    @property
    def folder(self) -> Path:
        return self.record.folder

    def outcome(self, timeout_s: float = 60.0) -> dict[str, Any]:
        """Wait for the outcome, and for the supervisor to be gone after it."""
        path = self.record.path("outcome.json")
        wait_for(path.exists, f"outcome of {self.folder}\n{self.described()}", timeout_s)
        pid, ticks = self.supervisor()
        wait_for(lambda: not proc_table.alive(pid, ticks), "the supervisor to leave", timeout_s)
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        return _events(self.record.path("events.jsonl"), kind)

    def journal(self, kind: str = "") -> list[dict[str, Any]]:
        return _events(self.record.path("supervisor.jsonl"), kind)

    def log(self) -> str:
        return self.record.log.read_text(encoding="utf-8", errors="replace")

    def supervisor(self) -> tuple[int, int]:
        """PID and start of the newest supervisor."""
        event = wait_for(lambda: self.journal("supervisor"), "a supervisor")[-1]
        return event["pid"], event["start"]

    def pytest(self) -> tuple[int, int]:
        """PID and start of pytest, once the recorder is in it."""
        event = wait_for(lambda: self.events("loaded"), f"the recorder\n{self.described()}")[-1]
        return event["pid"], event["start"]

    def described(self) -> str:
        """What helps to understand a run that is not as it should be."""
        parts = [json.dumps(event) for event in self.journal()]
        with contextlib.suppress(OSError):
            parts.append(self.record.path("supervisor.log").read_text(errors="replace"))
        with contextlib.suppress(OSError):
            parts.append(self.log()[-3000:])
        return "\n".join(parts)

    def kill_supervisor(self, number: int = signal.SIGKILL) -> None:
        pid, ticks = self.supervisor()
        assert proc_table.send(pid, ticks, number)
        if number == signal.SIGKILL:
            wait_for(lambda: not proc_table.alive(pid, ticks), "the supervisor's death")

    @contextlib.contextmanager
    def supervisor_held(self) -> Iterator[None]:
        """Stop the supervisor's clockwork until a condition has come true.

        So that a short limit is never reached before the test is where it is to be reached.
        """
        wait_for(lambda: self.journal("spawn"), f"pytest's start\n{self.described()}")
        pid, ticks = self.supervisor()
        assert proc_table.send(pid, ticks, signal.SIGSTOP)
        try:
            yield
        finally:
            proc_table.send(pid, ticks, signal.SIGCONT)

    def hold_until_in_flight(self, index: int) -> None:
        """Hold the supervisor until a test has started."""
        with self.supervisor_held():
            self.wait_in_flight(index)

    def wait_in_flight(self, index: int) -> None:
        """Wait until the test with this number has started."""
        wait_for(lambda: any(event["i"] == index for event in self.events("s")), f"test #{index}")

    def ask_to_stop(self, kind: str = "stop") -> None:
        temporary = self.record.path(".stop.tmp")
        temporary.write_text(json.dumps({"kind": kind, "by": "a test"}), encoding="utf-8")
        temporary.rename(self.record.path("stop.json"))


def _events(path: Path, kind: str) -> list[dict[str, Any]]:
    try:
        found = list(events.parse(path.read_bytes()))
    except OSError:
        return []
    return [event for event in found if kind in {"", event["e"]}]


@dataclass(slots=True)
class Scratch:
    """A project in a temporary folder, with the runs that were started in it."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    runs: list[Live] = field(default_factory=list)

    @property
    def records(self) -> Records:
        return Records(self.root)

    def write(self, name: str, source: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    def start(  # noqa: PLR0913 - what a run can be given
        self,
        *args: str,
        limits: Limits | None = None,
        pytest: Sequence[str] = PYTEST,
        on_end: Sequence[str] = (),
        select: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        argv: Sequence[str] = (),
    ) -> Live:
        """Start pytest here with these arguments, as the tasks do."""
        wanted = Run(
            id="",
            root=str(self.root),
            cwd=str(self.root),
            args=args,
            argv=tuple(argv) or command.build(pytest, (), args),
            created_s=0,
            started_boot=0,
            limits=limits or _quick(),
            on_end=tuple(on_end),
        )
        mine = clean_environ() | self.environ | dict(environ or {})
        with mock.patch.dict(os.environ, mine, clear=True), warnings.catch_warnings():
            # A test process with threads may be forked: what follows is exec alone.
            warnings.simplefilter("ignore", DeprecationWarning)
            started = start.start(self.records, wanted, again=True, select=tuple(select))
        live = Live(started.record, started.run)
        self.runs.append(live)
        return live

    def run(self, *args: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as `start` takes it
        """Start a run and return its outcome."""
        return self.start(*args, **more).outcome()


def _quick() -> Limits:
    return limits()


def clean_environ() -> dict[str, str]:
    """The environment without what this pytest, a run around it or a make has put there."""
    foreign = ("WALKAWAY_", "PYTEST_", "COV_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "CI", "PYTHONPATH")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    # Whatever plugins this Python has: a scratch project's tests run as they are written.
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def of_run(folder: Path, root: Path) -> list[str]:
    """Return the living processes that belong to a run or stand in its project."""
    everyone = proc_table.everyone()
    mine = {
        p.pid
        for p in proc_table.marked(f"WALKAWAY_RUN={folder}".encode(), everyone)
        if p.pid != os.getpid()
    }
    for proc in everyone.values():
        if proc.pid == os.getpid() or proc.state in "ZX":
            continue
        with contextlib.suppress(OSError):
            where = str(Path(f"/proc/{proc.pid}/cwd").readlink()).removesuffix(" (deleted)")
            if where == str(root) or where.startswith(f"{root}/"):
                mine.add(proc.pid)
        if str(folder) in proc_table.command(proc.pid):
            mine.add(proc.pid)
    alive = [everyone[pid] for pid in mine if everyone[pid].state not in "ZX"]
    return [line for p in alive if (line := _line_of(p.pid, p.start))]


def _line_of(pid: int, start: int) -> str:
    """Return a living process's line; one that is exiting has no command any more, and is gone."""
    until = time.monotonic() + _EXITING_S
    while proc_table.alive(pid, start):
        command = proc_table.command(pid)
        if command != "?" or time.monotonic() > until:
            return f"{pid} {command}"
        time.sleep(0.01)
    return ""


def kill(found: Iterable[str]) -> None:
    """Kill what `of_run` has found, as far as it is still there."""
    for line in found:
        with contextlib.suppress(OSError):
            os.kill(int(line.split()[0]), signal.SIGKILL)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    """A scratch project; afterwards no process of its runs is left, or the test fails."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n", encoding="ascii")
    project = Scratch(root)
    yield project
    for live in project.runs:
        end(live)
        sys.stdout.write(f"{live.folder}\n{live.described()}\n")  # shown for a test that failed
    left = [line for live in project.runs for line in of_run(live.folder, root)]
    kill(left)
    assert not left, f"left behind: {left}"


def end(live: Live) -> None:
    """End a run that its test did not see to the end."""
    if not live.record.path("outcome.json").exists():
        for event in live.journal("supervisor")[-1:]:
            proc_table.send(event["pid"], event["start"], signal.SIGTERM)
            _until_gone(event)
        for event in live.journal("spawn"):
            proc_table.send(event["pid"], event["start"], signal.SIGKILL)
            _until_gone(event)
    for event in live.journal("supervisor"):
        _until_gone(event)


def _until_gone(event: dict[str, Any]) -> None:
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not proc_table.alive(event["pid"], event["start"]), timeout_s=30)
