"""Running one case, bare and recorded, and reading what it showed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tests.walkaway.hostile.case import MODES, Case
from tests.walkaway.hostile.greener import Shown
from tests.walkaway.support.scratch import (
    PYTEST,
    Live,
    Scratch,
    clean_environ,
    kill,
    limits,
    of_run,
)
from tests.walkaway.support.waiting import wait_for
from walkaway.model import ledger, standing
from walkaway.model.vocabulary import Outcome
from walkaway.record import reader

_NEVER_S = 60
"""A bare run that takes longer never ends."""
_TESTS = 5
_SKIPPED = {"skip": "skipped", "xfail": "xfailed"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded run: its outcome, and the tests' results as the record and its JUnit have them."""

    live: Live
    outcome: dict[str, Any]
    shown: Shown
    junit: Shown

    @property
    def verdict(self) -> str:
        return f"{self.outcome['outcome']} {self.outcome['code']}"


def recorded(case: Case, mode: str, scratch: Scratch) -> Recorded:
    """Run a case under a real supervisor, to its verdict."""
    for name, source in case.sources().items():
        scratch.write(name, source)
    bounds = limits(deadline_s=case.deadline_s, grace_s=0.5)
    live = scratch.start(*MODES[mode], *case.args, limits=bounds)
    count = case.reports(mode)
    if count is not None:
        with live.supervisor_held():
            _reached(count, live)
    outcome = live.outcome(90)
    shown = Shown(outcome["code"], results(live, outcome))
    return Recorded(live, outcome, shown, _of_junit(live, outcome))


def bare(case: Case, mode: str, root: Path) -> Shown:
    """Run a case with pytest alone, as anybody would."""
    root.mkdir()
    for name, source in {**case.sources(), "pytest.ini": "[pytest]\n"}.items():
        (root / name).write_text(source, encoding="utf-8")
    argv = (*PYTEST, "-p", "no:cacheprovider", "--junitxml=bare.xml", *MODES[mode], *case.args)
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            argv,
            cwd=root,
            env=clean_environ(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        code: int | None
        try:
            code = process.wait(_NEVER_S)
        except subprocess.TimeoutExpired:
            code = None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    kill(of_run(root, root))
    try:
        suite = ET.parse(root / "bare.xml")  # noqa: S314 - pytest wrote it
    except (OSError, ET.ParseError):
        return Shown(code)
    return Shown(code, _of_cases(suite))


def _reached(count: int, live: Live) -> None:
    """Wait until so many tests have reported, and one is at work; for pytest alone with 0."""
    wait_for(lambda: live.events("loaded"), "the recorder")
    wait_for(lambda: len(live.events("f")) >= count, f"{count} reports")
    if 0 < count < _TESTS:
        wait_for(lambda: len(live.events("s")) > count, "a test at work")


def results(live: Live, outcome: dict[str, Any]) -> dict[str, str]:
    """Return the tests' results as the record has them, by short name."""
    names = reader.ids(live.folder)
    book = ledger.build(names, reader.all_events(live.record.path("events.jsonl")))
    ended = Outcome(outcome["outcome"])
    return {_short(name): standing.of(index, book, ended) for index, name in enumerate(names)}


def _of_junit(live: Live, outcome: dict[str, Any]) -> Shown:
    path = live.record.path("junit.xml")
    if not path.exists():
        return Shown(outcome["code"])
    return Shown(outcome["code"], _of_cases(ET.parse(path)))  # noqa: S314 - our own file


def _of_cases(suite: ET.ElementTree[ET.Element]) -> dict[str, str]:
    """Return the results in a JUnit report; the worst of a test that is there twice."""
    found: dict[str, str] = {}
    for case in suite.iter("testcase"):
        tags = {child.tag: child for child in case}
        result = "passed"
        if "error" in tags or "failure" in tags:
            result = "failed"
        elif "skipped" in tags:
            kind = tags["skipped"].get("type", "").removeprefix("pytest.")
            result = _SKIPPED.get(kind, kind)
        name = _short(case.get("name", ""))
        if found.get(name) != "failed":
            found[name] = result
    return found


def _short(name: str) -> str:
    """Return `hostile` for `test_it.py::test_hostile[x]`."""
    return name.rpartition("::")[2].partition("[")[0].partition("@")[0].removeprefix("test_")


def told(run: Recorded) -> str:
    """Return what helps to understand a verdict that is not as it was written down."""
    return f"{json.dumps(run.outcome, indent=1)}\n{run.live.described()}"
