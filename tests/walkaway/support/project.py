"""A foreign project with a three-line tasks.py, and real `inv` processes in it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from tests.walkaway.support import warm
from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.hunts import tidied_hunts
from tests.walkaway.support.scratch import Live, clean_environ, end, kill, of_run
from tests.walkaway.support.waiting import wait_for
from walkaway.errors import WalkawayError
from walkaway.process import file_lock
from walkaway.record.store import Record, Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INV = (sys.executable, "-m", "invoke")
TIME_LIMIT_S = 120
TASKS = "from walkaway import ns\n\n__all__ = ['ns']\n"
QUICK = "def test_quick():\n    pass\n"
GATED = """\
import os, time

def test_before():
    pass

def test_gated():
    until = time.monotonic() + 100
    while not os.path.exists(os.environ.get("GATE", "gate")) and time.monotonic() < until:
        time.sleep(0.02)
"""
"""Runs until the file `gate` is there."""
_READERS = ("AI_AGENT", "CLAUDE", "CODEX_", "CURSOR_AGENT", "GEMINI_CLI", "NO_COLOR", "INVOKE_")
"""Variables that decide for whom output is made; and Invoke's own settings."""


@dataclass(slots=True)
class Project:
    """One scratch project. Whatever runs in it is ended with its test."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def records(self) -> Records:
        return Records(self.root)

    def write(self, name: str, text: str) -> Path:
        """Write a file whole: a pytest that collects just now finds the old one or the new."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.root.with_name(f".{uuid4().hex}")  # not in the tree: it would be an edit
        fresh.write_text(text, encoding="utf-8")
        if path.exists():
            fresh.chmod(path.stat().st_mode)
        fresh.replace(path)
        return path

    def env(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {k: v for k, v in clean_environ().items() if not k.startswith(_READERS)}
        # What the machine's other runs do, other tests' among them, must not queue a test's runs.
        ours = {"PYTHONPATH": str(REPOSITORY), "INVOKE_WALKAWAY_WORKER_SLOTS": "0"}
        return {**kept, **ours, **self.environ, **(extra or {})}

    def inv(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        program: Sequence[str] = INV,
    ) -> subprocess.CompletedProcess[str]:
        """Run one task to its end, its output in a pipe."""
        return warm.run(
            (*program, *words),
            cwd=cwd or self.root,
            env=self.env(env),
            errors="surrogateescape",
            timeout=TIME_LIMIT_S,
        )

    def popen(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        stdout: IO[Any] | None = None,
        session: bool = False,
    ) -> warm.Read:
        """Begin a task and leave it to the caller to wait for it."""
        return warm.read(
            (*INV, *words), cwd=self.root, env=self.env(env), stdout=stdout, session=session
        )

    def start(
        self, *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Live:
        """Start a run with `inv test-async` and return it."""
        answer = self.inv("test-async", "--json", *words, env=env, cwd=cwd)
        assert answer.returncode == 0, answer.stderr
        return self.live(json.loads(answer.stdout)["run"]["id"])

    def ended(self, *words: str, env: Mapping[str, str] | None = None) -> Live:
        """Start a run and see it to its end."""
        live = self.start(*words, env=env)
        live.outcome()
        return live

    def live(self, run_id: str = "") -> Live:
        """Return a run by id; the newest without."""
        record = self.records.record(run_id or self.records.ids()[-1])
        return Live(record, record.run())

    def gate_reached(self, live: Live) -> None:
        """Wait until a run of `GATED` stands before its gate."""
        wait_for(
            lambda: len(live.events("s")) > 1, f"the gate of {live.folder}\n{live.described()}"
        )

    def open_gate(self) -> None:
        self.write("gate", "")

    def json(self, *words: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask a task for its JSON."""
        answer = self.inv(*words, "--json", env=env)
        assert answer.stdout, answer.stderr
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def commit(self) -> None:
        """Make the project a git repository with all of it committed."""
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "all")):
            subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True)

    def inherit(self, finished: Live, **changes: object) -> Live:
        """Take over another project's finished run, as if it had run here, with these changes."""
        record = self.records.record(finished.run.id)
        shutil.copytree(finished.folder.parent, record.folder.parent)
        data = json.loads(record.path("run.json").read_bytes())
        lock = record.path("supervisor.lock").stat()
        data |= {"root": str(self.root), "cwd": str(self.root), **changes}
        data["lock"] = [lock.st_dev, lock.st_ino]
        record.path("run.json").write_text(json.dumps(data), encoding="utf-8")
        return Live(record, record.run())

    def forge(self, run_id: str, like: Live, **changes: object) -> Record:
        """Make a record of another run: run.json as ``like``'s with changes, and no lock."""
        record = self.records.record(run_id)
        record.folder.mkdir(parents=True)
        data = json.loads(like.record.path("run.json").read_bytes())
        text = json.dumps({**data, "id": run_id, **changes})
        record.path("run.json").write_text(text, encoding="utf-8")
        return record


def made(root: Path, source: str = QUICK) -> Project:
    """Make a project with one test file."""
    root.mkdir(parents=True, exist_ok=True)
    project = Project(root)
    project.write("tasks.py", TASKS)
    project.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider\n")
    project.write("tests/test_it.py", source)
    return project


@contextlib.contextmanager
def tidied(project: Project) -> Iterator[Project]:
    """End every run and hunt of a project afterwards; fail when a process is left.

    A hunt's driver is still there for a moment when its outcome is.
    """
    with tidied_hunts(project):
        yield project
    lived = [live for live in _runs(project) if _lived(live)]
    for live in lived:
        end(live)
    folders = [live.folder for live in lived] or [project.root]
    left = sorted({line for folder in folders for line in of_run(folder, project.root)})
    kill(left)
    assert not left, f"left behind: {left}"


def _runs(project: Project) -> Iterator[Live]:
    for run_id in project.records.ids():
        record = project.records.record(run_id)
        with contextlib.suppress(WalkawayError):
            yield Live(record, record.run())


def _lived(live: Live) -> bool:
    """Tell a run that had a supervisor; of one that just began, wait for its first words."""
    if file_lock.probe(str(live.record.path("supervisor.lock"))) is file_lock.Hold.HELD:
        wait_for(lambda: live.journal("supervisor"), "a supervisor's first words")
    return bool(live.journal("supervisor"))
