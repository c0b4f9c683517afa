"""The markers that every suite needs: registered, and given by directory where that is obvious.

The ini option `markers_by_directory` holds the rules, one `directory: marker marker ...` a line,
directories as seen from the rootdir; what a project writes there replaces the default.
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
    """Which markers a test gets from where it stands."""

    given: dict[Path, tuple[str, ...]]
    _of_folder: dict[Path, tuple[str, ...]] = field(default_factory=dict)

    def of(self, path: Path) -> tuple[str, ...]:
        """Return the markers for a test in this file; the widest directory's come first."""
        folder = path.parent
        found = self._of_folder.get(folder)
        if found is None:
            chain = [folder, *folder.parents][::-1]
            names = [name for part in chain for name in self.given.get(part, ())]
            found = self._of_folder[folder] = tuple(dict.fromkeys(names))
        return found


RULES = pytest.StashKey[Rules]()


def parse(lines: list[str], root: Path) -> Rules:
    """Read the rules; raises `pytest.UsageError` for a line that is none."""
    given: dict[Path, tuple[str, ...]] = {}
    for line in lines:
        directory, colon, names = line.rpartition(":")
        markers = tuple(names.split())
        if not (colon and directory.strip() and markers):
            message = (
                f"markers_by_directory: {line!r} is no rule; write 'directory: marker', "
                f"such as {BY_DIRECTORY[0]!r}"
            )
            raise pytest.UsageError(message)
        folder = root / directory.strip()
        given[folder] = (*given.get(folder, ()), *markers)
    return Rules(given)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "markers_by_directory",
        "markers that tests get by where they stand, a line each: 'directory: marker ...'",
        type="linelist",
        default=BY_DIRECTORY,
    )


def pytest_configure(config: pytest.Config) -> None:
    lines: list[str] = config.getini("markers")
    there = {line.partition(":")[0].partition("(")[0].strip() for line in lines}
    for name, meaning in MARKERS.items():
        if name not in there:  # the project's own words for it stand
            config.addinivalue_line("markers", f"{name}: {meaning}")
    config.stash[RULES] = parse(config.getini("markers_by_directory"), config.rootpath)


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark at once: `-m`, `-k` and all that looks at markers comes after this."""
    for name in item.config.stash[RULES].of(item.path):
        if item.get_closest_marker(name) is None:
            item.add_marker(name)
