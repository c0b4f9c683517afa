"""What a hostile case is: a suite of five tests, and how its run ends, written down beforehand.

Pure data; must not know how runs are started.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

LOADFILE = ("-p", "xdist", "-n", "2", "--dist", "loadfile")
"""One file is one worker's: what the hostile test does meets the tests after it there, too."""
FORKS = ("-p", "walkaway_forks", "--forks", "2")
MODES: Mapping[str, tuple[str, ...]] = {"serial": (), "n2": LOADFILE, "forks": FORKS}
"""Each case runs in each of these. Another one needs its line here, and what differs in cases."""

_TEST_IT = """\
import builtins, gc, json, os, resource, signal, subprocess, sys, threading, time
import pytest

{above}

def test_before():
    pass

{hostile}

def test_after():
    pass

def test_last():
    {last}
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its verdict, and the result of each of the five tests.

    A result may name two that are both right: `lost|passed`.
    """

    verdict: str = "failed 1"
    """Outcome and exit code; two that are both right: `failed 1|incomplete 65`."""
    before: str = "passed"
    hostile: str = "passed"
    after: str = "passed"
    last: str = "failed"
    elsewhere: str = "passed"

    def results(self) -> dict[str, str]:
        """Return the results by test."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "verdict"}


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile suite: `test_it.py` (before, hostile, after, last), `test_other.py` (elsewhere).

    The last test fails, so that whatever the hostile one does to the recording can hide something.
    """

    name: str
    hostile: str = "pass"
    """Body of the hostile test; a whole `def test_hostile` where it needs an argument or a mark."""
    ended: Ended = field(default_factory=Ended)
    spread: Ended | None = None
    """How it ends over workers, where that differs."""
    bare: int | None = 1
    """Bare pytest's exit status when serial; None: it never ends, so nobody runs it."""
    bare_spread: int | None = -1
    """The same over workers; -1: no difference."""
    above: str = ""
    """Stands above the tests of test_it.py."""
    conftest: str = ""
    last: str = "assert 0, 'the real failure'"
    args: tuple[str, ...] = ()
    deadline_s: float = 60.0
    reported: int | None = None
    """With a short deadline: its clock runs once so many tests have reported and one is at work."""
    reported_spread: int | None = None
    """The same over workers, where that differs."""
    files: Mapping[str, str] = field(default_factory=dict)
    modes: tuple[str, ...] = tuple(MODES)
    """Those in which it makes sense."""

    def sources(self) -> dict[str, str]:
        """Return the suite's files."""
        body = textwrap.dedent(self.hostile).strip()
        if "def test_hostile(" not in body:
            body = "def test_hostile():\n" + textwrap.indent(body, "    ")
        above = textwrap.dedent(self.above)
        conftest = "import os, sys\nimport pytest\n" + textwrap.dedent(self.conftest)
        return {
            "test_it.py": _TEST_IT.format(above=above, hostile=body, last=self.last),
            "test_other.py": "def test_elsewhere():\n    pass\n",
            "conftest.py": conftest,
            **self.files,
        }

    def ends(self, mode: str) -> Ended:
        """Return how its run in a mode must end."""
        return self.ended if mode == "serial" or self.spread is None else self.spread

    def reports(self, mode: str) -> int | None:
        """Return how many tests report before the clock of its deadline may run."""
        if mode == "serial" or self.reported_spread is None:
            return self.reported
        return self.reported_spread

    def ends_bare(self, mode: str) -> int | None:
        """Return bare pytest's exit status in a mode."""
        return self.bare if mode != "n2" or self.bare_spread == -1 else self.bare_spread
