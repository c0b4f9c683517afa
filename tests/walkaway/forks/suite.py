"""A project in a folder, run by pytest with or without forked workers, and what came of it."""

from __future__ import annotations

import os
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.walkaway.support import warm
from tests.walkaway.support.checkout import REPOSITORY

FOLDER = REPOSITORY / "walkaway" / "forks"
_LIMIT_S = 90

Results = Counter[tuple[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a pytest ended, what it printed, and each test's results as its JUnit file has them."""

    code: int
    out: str
    results: Results

    def of(self, name: str) -> tuple[str, ...]:
        """Return the kinds of rows that a test has; `passed` for none."""
        found = [kinds for test, kinds in self.results.elements() if test.endswith(f"::{name}")]
        assert len(found) == 1, f"{name}: {found}\n{self.out}"
        return found[0]


class Suite:
    """Test files in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("pytest.ini", "[pytest]\n")

    def write(self, name: str, source: str) -> None:
        """Write a file, its common indentation removed."""
        (self.folder / name).write_text(textwrap.dedent(source), encoding="utf-8")

    def command(self, *args: str) -> list[str]:
        """Return pytest's command line, with the plugin loaded."""
        return [sys.executable, "-m", "pytest", "-p", "walkaway_forks", *args]

    def environ(self) -> dict[str, str]:
        """Return an environment in which pytest loads no plugin but those that are named."""
        return os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(FOLDER)}

    def run(self, *args: str) -> Ran:
        """Run pytest to its end."""
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        done = warm.run(
            self.command(f"--junitxml={report}", *args),
            cwd=self.folder,
            env=self.environ(),
            timeout=_LIMIT_S,
            errors="replace",
        )
        return Ran(done.returncode, done.stdout + done.stderr, read(report))

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file that tests have written to."""
        return (self.folder / name).read_text(encoding="utf-8").split()


def read(report: Path) -> Results:
    """Return how often each (test, kinds of rows) stands in a JUnit file."""
    found: Results = Counter()
    if not report.exists():
        return found
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest has just made it
        rows = [row.tag for row in case if row.tag in {"failure", "error", "skipped"}]
        name = f"{case.get('classname')}::{case.get('name')}"
        found[name, tuple(rows) or ("passed",)] += 1
    return found
