"""The foreign suites: which, of what, how they are called, and how they come here.

Knows pip and archives; must not know what is compared.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
OBSERVER = HERE / "soak_observer.py"
_INSTALL_S = 600.0


@dataclass(frozen=True, slots=True)
class Suite:
    """One source distribution with the tests that it ships."""

    name: str
    version: str
    sha256: str
    args: tuple[str, ...] = ()
    """pytest's arguments."""

    @property
    def folder(self) -> str:
        """Name of the archive and of the folder in it."""
        return f"{self.name.replace('-', '_')}-{self.version}"


PACKAGING = Suite(
    "packaging",
    "26.3",
    "94edc256424af38762eb31306eed28beb9f0efc50a8837492c9d6fd6004aed79",
)
"""62,000 ids of parametrised tests, some deselected by its own addopts."""
MORE_ITERTOOLS = Suite(
    "more-itertools",
    "11.2.1",
    "cbf08fd0af284dc69718b9b76a8e6203df624d70209ea511e4219d350c856f63",
)
"""unittest classes with 21,000 subtests."""
NETWORKX = Suite(
    "networkx",
    "3.6.1",
    "26b7c357accc0c8cde558ad486283728b65b6a95d85ee1cd66bafab4c8168509",
    ("--doctest-modules", "networkx"),
)
"""Doctests of 600 modules beside tests, skips for what is not installed."""
ATTRS = Suite(
    "attrs",
    "26.1.0",
    "d03ceb89cb322a8fd706d4fb91940737b6642aa36998fe130a9bc96c985eff32",
    ("--hypothesis-seed=0",),
)
"""hypothesis, importlib mode."""
ANYIO = Suite(
    "anyio",
    "4.16.0",
    "59bb03251907983d1603d27c3087ddb1e93299ea2163adcdba37899a4fb12ffb",
)
"""async tests on two loops, processes, sockets, a limit per test; fails where there is no IPv6."""
SUITES = (PACKAGING, MORE_ITERTOOLS, NETWORKX, ATTRS, ANYIO)


class Shelf:
    """Downloads and one environment, kept from run to run; sources are unpacked afresh."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.python = folder / "venv" / "bin" / "python"

    def prepare(self) -> None:
        """Download what is not here yet, each held to its hash, and make the environment."""
        lock = self._folder / "sdists.txt"
        wanted = "".join(f"{s.name}=={s.version} --hash=sha256:{s.sha256}\n" for s in SUITES)
        ready = self._folder / "ready"
        locks = wanted + (HERE / "requirements.txt").read_text(encoding="utf-8")
        if not ready.exists() or ready.read_text(encoding="utf-8") != locks:
            ready.unlink(missing_ok=True)
            lock.write_text(wanted, encoding="utf-8")
            _run(sys.executable, "-m", "venv", "--clear", str(self._folder / "venv"))
            self._pip("install", "--require-hashes", "-r", str(HERE / "requirements.txt"))
            names = ",".join(s.name for s in SUITES)
            download = ("download", "--no-deps", "--no-binary", names, "-d", str(self._folder))
            self._pip(*download, "--require-hashes", "-r", str(lock))
            # From the sources that are tested; what their build asks for is theirs to pin.
            self._pip("install", "--no-deps", *(str(self._archive(s)) for s in SUITES))
            ready.write_text(locks, encoding="utf-8")
        packages = next((self._folder / "venv").glob("lib/python*/site-packages"))
        (packages / OBSERVER.name).write_bytes(OBSERVER.read_bytes())

    def unpack(self, suite: Suite, target: Path) -> Path:
        """Return the folder with the suite's sources."""
        with tarfile.open(self._archive(suite)) as archive:
            archive.extractall(target, filter="data")
        return target / suite.folder

    def _archive(self, suite: Suite) -> Path:
        return self._folder / f"{suite.folder}.tar.gz"

    def _pip(self, *args: str) -> None:
        _run(str(self.python), "-m", "pip", "-q", *args)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, check=False, timeout=_INSTALL_S, text=True)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
