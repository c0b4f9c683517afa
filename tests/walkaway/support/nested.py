"""Projects that use `walkaway.isolation`, and real pytests in them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.walkaway.support import warm
from tests.walkaway.support.checkout import REPOSITORY, clean_environment
from tests.walkaway.support.spread import thin

TIME_LIMIT_S = 120
CONFTEST = 'pytest_plugins = ["walkaway.isolation"]\n'
INI = """\
[pytest]
addopts = -p no:cacheprovider -p asyncio --strict-markers --strict-config
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""
SERIAL = ("-p", "no:randomly")
RANDOM = ("-p", "randomly")
"""In another order each time; the seed is in the output."""
WAYS = {
    "serial": SERIAL,
    "random": RANDOM,
    "n2": (*RANDOM, "-n2"),
    "n4": (*RANDOM, "-n4"),
}
EACH_WAY = thin(WAYS, usual={"serial", "n2"})
"""For `parametrize`: in the given order and in one process; in a random one and in two."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a nested pytest ended: what each test came to, by name, and all that was printed."""

    code: int
    text: str
    tests: Mapping[str, tuple[str, ...]]
    """Of each test `passed`, or what went wrong: `failure`, `error` (set-up and teardown)."""
    messages: Mapping[str, str]
    """What went wrong of each test, as the report's short text has it."""

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.text}"


@dataclass(slots=True)
class Nested:
    """A scratch project."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, source: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")

    def conftest(self, source: str) -> None:
        """Write a conftest.py that loads the library and goes on with this."""
        self.write("conftest.py", CONFTEST + textwrap.dedent(source))

    def env(self) -> dict[str, str]:
        kept = {
            k: v for k, v in clean_environment().items() if k not in {"DATABASE_URL", "REDIS_URL"}
        }
        return {
            **kept,
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Only what a suite names: a third of such a short pytest would be imports.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        } | self.environ

    def command(self, *args: str) -> tuple[str, ...]:
        spread = ("-p", "xdist") if any(arg.startswith("-n") for arg in args) else ()
        return (sys.executable, "-m", "pytest", "--junitxml=junit.xml", *spread, *args)

    def popen(self, *args: str) -> subprocess.Popen[str]:
        """Start pytest here."""
        return subprocess.Popen(
            self.command(*args),
            cwd=self.root,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )

    def run(self, *args: str, cold: bool = False) -> Outcome:
        """Run pytest here to its end; with `cold`, nothing is imported before."""
        (self.root / "junit.xml").unlink(missing_ok=True)
        done = warm.run(
            self.command(*args),
            cwd=self.root,
            env=self.env(),
            timeout=TIME_LIMIT_S,
            errors="replace",
            together=True,
            cold=cold,
        )
        return Outcome(done.returncode, done.stdout, *self._reported())

    def said(self, name: str) -> list[dict[str, object]]:
        """Return the JSON lines that tests have appended to a file here."""
        path = self.root / name
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def _reported(self) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
        path = self.root / "junit.xml"
        tests: dict[str, tuple[str, ...]] = {}
        messages: dict[str, str] = {}
        if path.exists():
            for case in ET.parse(path).iter("testcase"):  # noqa: S314 - our own file
                wrong = [part for part in case if part.tag in {"failure", "error", "skipped"}]
                name = case.get("name", "")
                # xdist's JUnit has a failing test's teardown error as a second case.
                tests[name] = tests.get(name, ()) + tuple(part.tag for part in wrong)
                said = "\n".join(f"{part.get('message')}\n{part.text}" for part in wrong)
                messages[name] = f"{messages.get(name, '')}{said}"
        return {name: kinds or ("passed",) for name, kinds in tests.items()}, messages


@pytest.fixture
def nested(tmp_path: Path) -> Nested:
    """A scratch project that loads the library."""
    root = tmp_path / "project"
    root.mkdir()
    project = Nested(root)
    project.write("pytest.ini", INI)
    project.conftest("")
    return project
