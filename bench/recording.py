"""What recording costs a test: 10,000 one-line tests with and without the recorder, CPU time.

Budget: 25 microseconds a test. Both print into a file, as runs do.
Run: .venv/bin/python bench/recording.py [instructions]

A shared machine's CPU time is noisier than the budget is large. `instructions` counts what Python
executes a test with valgrind, which is the same every time; a share of the bare test's.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

from measure import ROOT, pairs, report

TESTS = 10_000
PAIRS = 20
COUNTED = (200, 700)
"""Suites of so many tests: the difference leaves out what a process costs once."""
PYTEST = (
    *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly"),
    *("-o", "verbosity_test_cases=1"),
)
SUITE = "import pytest\n@pytest.mark.parametrize('n', range(%d))\ndef test_one(n): pass\n"
_numbers = count()


def recorder(folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the options and the environment of a recorded pytest, with a record of its own."""
    record = folder / f"record-{next(_numbers)}"
    record.mkdir()
    return ("-p", "walkaway_recorder"), {
        "PYTHONPATH": str(ROOT / "walkaway" / "recorder"),
        "WALKAWAY_RECORD": str(record),
        "WALKAWAY_EPOCH": "0",
        "WALKAWAY_PASS": "1",
        "WALKAWAY_RUN": str(record),
    }


def run(argv: tuple[str, ...], folder: Path, environ: dict[str, str]) -> float:
    """Run pytest to its end, printing into a file; its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (folder / "log").open("wb") as log:
        subprocess.run(
            argv, cwd=folder, env={**os.environ, **environ}, stdout=log, stderr=log, check=True
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def instructions(tests: int, *, recorded: bool) -> int:
    """Return how many instructions a suite of so many tests takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_many.py").write_text(SUITE % tests)
        more, environ = recorder(folder) if recorded else ((), {})
        counted = folder / "counted"
        valgrind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
        argv = (*valgrind, f"--log-file={counted}", *PYTEST, *more)
        run(argv, folder, {**environ, "PYTHONHASHSEED": "0"})
        (found,) = re.findall(r"Collected : (\d+)", counted.read_text())
    return int(found)


def count_instructions() -> None:
    few, many = COUNTED
    for recorded in (False, True):  # nothing counted is to compile what another has compiled
        instructions(1, recorded=recorded)
    bare, with_it = (
        (instructions(many, recorded=recorded) - instructions(few, recorded=recorded))
        / (many - few)
        for recorded in (False, True)
    )
    print(
        f"recording, instructions a test: base {bare:,.0f}, with {with_it:,.0f}, "
        f"difference {with_it - bare:+,.0f} ({(with_it - bare) / bare:+.1%})"
    )


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if sys.argv[1:] == ["instructions"]:
        count_instructions()
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_many.py").write_text(SUITE % TESTS)

        def bare() -> float:
            return run(PYTEST, folder, {})

        def recorded() -> float:
            more, environ = recorder(folder)
            return run((*PYTEST, *more), folder, environ)

        bare()
        recorded()
        report("recording, CPU a test", TESTS * 1e-6, "us", pairs(bare, recorded, PAIRS))


if __name__ == "__main__":
    main()
