"""Scratch suites that write down who ran what when, and real pytests of them."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support import warm
from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.scratch import clean_environ
from tests.walkaway.support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

MODES = ("load", "worksteal", "loadscope", "loadfile", "loadgroup")

# One write of a line into a file opened for appending: lines of several workers never mix.
CONFTEST = """
    import os, time, pytest
    pytest_plugins = ["walkaway.isolation.markers", "walkaway.isolation.spreading"]
    DIARY = os.path.join(os.path.dirname(__file__), "diary.txt")
    def note(what, nodeid=""):
        handle = os.open(DIARY, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        line = f"{what} {time.clock_gettime(time.CLOCK_MONOTONIC)!r} {worker} {nodeid}\\n"
        os.write(handle, line.encode())
        os.close(handle)
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(item):
        note("serial" if item.get_closest_marker("serial") else "begin", item.nodeid)
        yield
        note("end", item.nodeid)
    def pytest_sessionfinish(session):
        note("bye")
"""


def thin(*axes: Iterable[object], usual: Callable[..., bool]) -> list[ParameterSet]:
    """Return all combinations; those that are not usual run with the soak tests alone."""
    return [
        pytest.param(*values, marks=() if usual(*values) else pytest.mark.soak)
        for values in product(*axes)
    ]


@dataclass(frozen=True, slots=True)
class Turn:
    """One time that a test ran; `end` is None when its process died of it."""

    nodeid: str
    worker: str
    serial: bool
    start: float
    end: float | None

    @property
    def name(self) -> str:
        return self.nodeid.rpartition("::")[2]


@dataclass(frozen=True, slots=True)
class Spread:
    """What a pytest did."""

    code: int
    output: str
    turns: list[Turn]
    byes: dict[str, float]

    @property
    def counts(self) -> Counter[str]:
        return Counter(turn.name for turn in self.turns)

    @property
    def serial(self) -> list[Turn]:
        return [turn for turn in self.turns if turn.serial]

    def of(self, prefix: str) -> list[Turn]:
        """Return the turns of the tests whose names start so, in time."""
        return [turn for turn in self.turns if turn.name.startswith(prefix)]

    def assert_alone(self) -> None:
        """Fail when a serial test was not the last and only thing to run."""
        serial = self.serial
        for turn in self.turns:
            if not turn.serial:
                late = [s for s in serial if s.start < (turn.end or turn.start)]
                assert not late, f"{late} began before {turn} had ended\n{self.output}"
        for one, other in pairwise(serial):
            assert (one.end or one.start) <= other.start, f"{one} and {other} overlap"

    def assert_others_gone(self) -> None:
        """Fail when another worker had still to wind up its session during a serial test."""
        first = self.serial[0]
        mine = {first.worker, "main"}
        others = {worker: at for worker, at in self.byes.items() if worker not in mine}
        assert all(at <= first.start for at in others.values()), (first, others)


def read(diary: Path) -> tuple[list[Turn], dict[str, float]]:
    """Return the turns in order of their start, and when each process said good-bye."""
    lines = diary.read_text(encoding="utf-8").splitlines() if diary.exists() else []
    turns: list[Turn] = []
    open_turns: dict[tuple[str, str], tuple[bool, float]] = {}
    byes: dict[str, float] = {}
    for line in lines:
        what, time, worker, nodeid = line.split(" ", 3)
        if what == "bye":
            byes[worker] = float(time)
        elif what == "end":
            serial, start = open_turns.pop((worker, nodeid))
            turns.append(Turn(nodeid, worker, serial, start, float(time)))
        else:
            open_turns[worker, nodeid] = (what == "serial", float(time))
    died = [Turn(n, w, s, t, None) for (w, n), (s, t) in open_turns.items()]
    return sorted([*turns, *died], key=lambda turn: turn.start), byes


@dataclass(frozen=True, slots=True)
class Suite:
    """A folder of tests."""

    root: Path

    def write(self, **modules: str) -> None:
        """Write modules, given by name without `.py`."""
        for name, text in {"conftest": CONFTEST, **modules}.items():
            source = textwrap.dedent(text)
            (self.root / f"{name}.py").write_text(source, encoding="utf-8")
        (self.root / "pytest.ini").touch()

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**clean_environ(), "PYTHONPATH": str(REPOSITORY), **(more or {})}

    def command(self, *args: str, python: str = sys.executable) -> list[str]:
        return [python, "-m", "pytest", "-p", "no:cacheprovider", "-p", "xdist", *args]

    def described(self, code: int, output: str) -> Spread:
        return Spread(code, output, *read(self.root / "diary.txt"))

    def run(self, *args: str, python: str = sys.executable) -> Spread:
        """Run pytest here; a hang fails."""
        (self.root / "diary.txt").unlink(missing_ok=True)
        done = warm.run(
            self.command(*args, python=python),
            cwd=self.root,
            env=self.environ({"TMPDIR": str(self.root)}),
            timeout=PATIENCE_S,
            together=True,
        )
        left = list(self.root.glob("walkaway-*"))
        assert not left, left
        return self.described(done.returncode, done.stdout)
