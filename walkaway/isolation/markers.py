"""Register the markers that every suite needs, and set some of them by directory.

The ini option `markers_by_directory` holds the rules, one `directory: marker marker ...` per line.
Directories are relative to the rootdir. A project's own value replaces the default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

MARKERS = {
    "slow": 'takes much longer than the others (deselect with -m "not slow")',
    "integration": "needs a database, Redis or another service",
    "e2e": "drives the whole system from outside",
    "security": "about who may do what",
    "serial": "must not run beside another test: runs after the parallel part, alone",
    "engine": "needs a Docker engine",
    "soak": "runs for minutes (opt-in)",
}

BY_DIRECTORY = ["tests/integration: integration", "tests/e2e: e2e"]


@dataclass(frozen=True, slots=True)
class Rules:
    """Which markers a test gets from the directory it is in."""

    given: dict[Path, tuple[str, ...]]
    _of_folder: dict[Path, tuple[str, ...]] = field(default_factory=dict)

    def of(self, path: Path) -> tuple[str, ...]:
        """Return the markers for tests in this file, the outermost directory's first."""
        folder = path.parent
        found = self._of_folder.get(folder)
        if found is None:
            chain = [folder, *folder.parents][::-1]
            names = [name for part in chain for name in self.given.get(part, ())]
            found = self._of_folder[folder] = tuple(dict.fromkeys(names))
        return found


RULES = pytest.StashKey[Rules]()


def parse(lines: list[str], root: Path) -> Rules:
    """Parse the rules. Raises `pytest.UsageError` for a malformed line."""
    given: dict[Path, tuple[str, ...]] = {}
    for line in lines:
        directory, colon, names = line.rpartition(":")
        markers = tuple(names.split())
        if not (colon and directory.strip() and markers):
            message = (
                f"markers_by_directory: {line!r} is not a rule; write 'directory: marker', "
                f"such as {BY_DIRECTORY[0]!r}"
            )
            raise pytest.UsageError(message)
        folder = root / directory.strip()
        given[folder] = (*given.get(folder, ()), *markers)
    return Rules(given)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "markers_by_directory",
        "markers that tests get by their directory, one rule a line: 'directory: marker ...'",
        type="linelist",
        default=BY_DIRECTORY,
    )


def pytest_configure(config: pytest.Config) -> None:
    lines: list[str] = config.getini("markers")
    there = {line.partition(":")[0].partition("(")[0].strip() for line in lines}
    for name, meaning in MARKERS.items():
        if name not in there:  # a project's own description wins
            config.addinivalue_line("markers", f"{name}: {meaning}")
    config.stash[RULES] = parse(config.getini("markers_by_directory"), config.rootpath)


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the markers here, before `-m`, `-k` and everything else that reads markers."""
    for name in item.config.stash[RULES].of(item.path):
        if item.get_closest_marker(name) is None:
            item.add_marker(name)
