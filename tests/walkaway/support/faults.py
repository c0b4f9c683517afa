"""Runs of a small suite with a fault in the recorder, beside the same suite in bare pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.walkaway.support.faulty import FIRED
from tests.walkaway.support.recorded import RECORDER
from tests.walkaway.support.waiting import PATIENCE_S
from walkaway.model import disturbances, endings, ledger
from walkaway.model.observed import Observed
from walkaway.record import reader
from walkaway.runs import judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from walkaway.model.endings import Verdict
    from walkaway.model.facts import Facts

SERVER = Path(__file__).with_name("faulty.py")
_NOTED = "called-by-workers"
_OURS = ("WALKAWAY_", "PYTEST_", "PYTHONPATH", "COV_", "COVERAGE_", "TESTMON")


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: pytest's exit code and last line, and what the record says of it."""

    code: object
    summary: str
    fired: int
    calls: Mapping[str, int]
    """Of each function by site; in workers alone: 1."""
    results: Mapping[str, str | None]
    texts: int
    verdict: Verdict
    facts: Facts
    notes: tuple[str, ...]
    log: str


class Server:
    """A warm pytest that is forked for every run: a tenth of what a new process costs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        site = folder / "site"
        site.mkdir()
        # xdist's workers are processes of their own, and nothing else that a run starts is Python.
        (site / "sitecustomize.py").write_text(
            "import importlib, os, sys\n"
            "if os.environ.get('FAULTY'):\n"
            f"    sys.path.insert(0, {str(SERVER.parent)!r})\n"
            "    import faulty\n"
            "    sys.path.pop(0)\n"
            "    faulty.install(os.environ['FAULTY'], worker=True)\n"
            "    importlib.import_module(faulty.PACKAGE)\n"
        )
        self._paths = os.pathsep.join([str(RECORDER), str(RECORDER.parent / "forks"), str(site)])
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environ(),
            text=True,
        )

    def _environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
        return kept | {"PYTHONPATH": self._paths, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    def run(  # noqa: PLR0913 - what is asked
        self,
        cwd: Path,
        args: Sequence[str],
        *,
        site: str = "",
        nth: int = 0,
        every_line: bool = False,
        recorded: bool = True,
    ) -> Ran:
        """Run the suite in ``cwd``; without a site nothing raises.

        Its folder may hold `select.txt`, ids as the recorder reads them; then in a random order.
        """
        self._number += 1
        record = self._folder / f"record-{self._number}"
        record.mkdir()
        told = record / "told"
        fault: dict[str, object] = {"site": site, "nth": nth, "every_line": every_line}
        fault["workers"] = str(record / _NOTED)
        environ = self._environ() | {
            "WALKAWAY_RECORD": str(record) if recorded else "",
            "WALKAWAY_EPOCH": str(time.clock_gettime(time.CLOCK_BOOTTIME)),
            "WALKAWAY_PASS": "1",
            "FAULTY": json.dumps(fault) if recorded else "",
        }
        if recorded and (cwd / "select.txt").exists():
            environ |= {"WALKAWAY_SELECT": str(cwd / "select.txt"), "WALKAWAY_ORDER": "1"}
        asked = {
            "environ": environ, "cwd": str(cwd), "told": str(told),
            "args": ["-p", "no:cacheprovider", "-o", "verbosity_test_cases=1", *args],
            "recorded": recorded,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "code" in answer, f"{site} {nth}\n{answer['log'][-3000:]}"
        return _read(record, answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        self._process.stdout.close()


def _read(record: Path, told: dict[str, Any]) -> Ran:
    log = told["log"]
    names = reader.ids(record)
    book = ledger.build(names, reader.all_events(record / "events.jsonl"))
    facts = judge.gather(
        book, Observed(exit_code=told["code"] if isinstance(told["code"], int) else 1)
    )
    results = {
        name.partition("::")[2]: None if final is None else str(final)
        for name, row in zip(names, book.rows, strict=False)
        for final in [ledger.final_result(row)]
    }
    rows = [line for line in log.splitlines() if " in " in line and line.startswith("=")]
    noted = record / _NOTED
    lines = noted.read_text().split() if noted.exists() else []
    calls = {site: 1 for site in lines if not site.startswith(FIRED)} | told["calls"]
    return Ran(
        code=told["code"],
        summary=rows[-1].strip("= ").partition(" in ")[0] if rows else "",
        fired=told["fired"] + sum(line.startswith(FIRED) for line in lines),
        calls=calls,
        results=results,
        texts=len(list(reader.all_events(record / "failures.jsonl"))),
        verdict=endings.decide(facts),
        facts=facts,
        notes=tuple(disturbances.notes(book.progress, names)),
        log=log,
    )
