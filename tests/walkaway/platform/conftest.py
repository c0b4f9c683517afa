"""Copies of the platform, and pytests that run its suite."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures.embedded import LOG, VARIABLES
from tests.walkaway.support.checkout import clean_environment
from tests.walkaway.support.engine import scratch_project
from tests.walkaway.support.waiting import wait_for

BOUND_S = 120.0


@dataclass(frozen=True, slots=True)
class Suite:
    """A copy of the platform and its tests."""

    root: Path
    basetemp: Path

    def argv(self, *args: str) -> list[str]:
        where = f"--basetemp={self.basetemp}"
        return [sys.executable, "-m", "pytest", "-p", "asyncio", "-p", "xdist", where, *args]

    def environ(self) -> dict[str, str]:
        given = {*VARIABLES.values(), "DATABASE_URL", "REDIS_URL", LOG}
        mine = {name: value for name, value in clean_environment().items() if name not in given}
        # Of all that is installed a copy's pytest needs these two plugins.
        lean = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return mine | lean

    def run(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*args), cwd=self.root, env=self.environ() | environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
            timeout=BOUND_S, check=False,
        )  # fmt: skip

    @property
    def output(self) -> Path:
        """What a started pytest has printed."""
        return self.root / "output.txt"

    @contextlib.contextmanager
    def started(self, *args: str) -> Iterator[subprocess.Popen[bytes]]:
        """A pytest that is at work; killed at the end with its workers, if they still are."""
        with (
            self.output.open("wb") as output,
            subprocess.Popen(
                self.argv(*args), cwd=self.root, env=self.environ(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            ) as process,
        ):  # fmt: skip
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def processes(self) -> dict[int, str]:
        """Return the living processes that stand in the copy: the pytests and all they started."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and (entry / "cwd").readlink() == self.root:
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if state not in "ZX":
                        found[int(entry.name)] = command
        return found

    def services(self) -> dict[int, str]:
        return {pid: line for pid, line in self.processes().items() if "app.embedded" in line}


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Suite]:
    """A copy of the suite; afterwards no process of it is left, or the test fails."""
    made = Suite(scratch_project(tmp_path / "project"), tmp_path / "temporary")
    yield made
    try:
        wait_for(lambda: not made.processes(), "all that the test started to be gone")
    finally:
        for pid in made.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
