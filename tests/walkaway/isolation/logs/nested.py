"""A pytest with the logging part of the library alone, in a scratch project of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.walkaway.support import warm
from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.scratch import clean_environ
from tests.walkaway.support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLUGIN = 'pytest_plugins = ["walkaway.isolation.logs"]\n'


@dataclass(frozen=True, slots=True)
class Nested:
    """One project. `run` waits for the end; what was logged is read from its files."""

    root: Path

    def write(self, name: str, source: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    def start(
        self, *args: str, env: Mapping[str, str] | None = None, program: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*args, program=program),
            cwd=self.root,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def run(
        self,
        *args: str,
        code: int = 0,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = (),
    ) -> str:
        """Run pytest to its end and return what it printed."""
        done = warm.run(
            self.command(*args, program=program),
            cwd=self.root,
            env=self.environment(env),
            timeout=PATIENCE_S,
            together=True,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def command(self, *args: str, program: Sequence[str] = ()) -> list[str]:
        return [*program, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return clean_environ() | {"PYTHONPATH": str(REPOSITORY)} | dict(more or {})

    def workers(self, count: int) -> tuple[str, ...]:
        return ("-p", "xdist", "-n", str(count)) if count else ()

    @property
    def text(self) -> str:
        return (self.root / "logs/tests/test-debug.log").read_text(encoding="utf-8")

    def lines(self) -> list[dict[str, Any]]:
        """Return all JSON lines of all workers; each must be whole."""
        found = []
        for path in sorted((self.root / "logs/tests/lines").glob("*.jsonl")):
            found += [json.loads(line) for line in path.read_bytes().splitlines()]
        return found


def made(root: Path, source: str = "", ini: str = "") -> Nested:
    """Make a project with the plugin and one test file."""
    nested = Nested(root)
    nested.write("conftest.py", PLUGIN)
    (root / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{ini}", encoding="utf-8")
    if source:
        nested.write("tests/test_it.py", source)
    return nested
