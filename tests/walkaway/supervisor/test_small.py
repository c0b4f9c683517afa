"""The supervisor stays small for any run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.scratch import Scratch, limits
from tests.walkaway.support.waiting import wait_for

BUDGET_KB = 20 * 1024
FOLDERS = {"backends", "model", "process", "record", "supervisor", "worker_slots"}
HEAVY = {"ast", "asyncio", "dataclasses", "inspect", "logging", "pathlib", "subprocess", "tempfile"}
"""Modules of the standard library that cost a megabyte or ten milliseconds, alone or by theirs."""
IMPORTS = """
import sys
sys.path.insert(0, sys.argv[1])
import walkaway.supervisor.entry, walkaway.backends.local
print(*sys.modules, sep="\\n")
"""


def test_the_supervisor_of_a_local_run_imports_little() -> None:
    words = (sys.executable, "-I", "-S", "-c", IMPORTS, str(REPOSITORY))
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = done.stdout.split()
    ours = {name.split(".")[1] for name in found if name.startswith("walkaway.")}
    assert ours == FOLDERS
    assert HEAVY.isdisjoint(found)


@pytest.mark.slow
@pytest.mark.parametrize("tests", [20_000])
def test_the_supervisor_of_a_large_run_stays_within_20_mb(scratch: Scratch, tests: int) -> None:
    scratch.write(
        "test_a.py",
        f"""
        import pathlib, pytest, time

        @pytest.mark.parametrize("n", range({tests}))
        def test_n(n): pass

        def test_gate():
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
        """,
    )
    live = scratch.start("-q", "--no-header", limits=limits(stall_s=0))
    wait_for(lambda: f'"i":{tests}}}' in _tail(live.record.path("events.jsonl")), "the gate", 300)
    pid, _ = live.supervisor()
    status = Path(f"/proc/{pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    (scratch.root / "go").touch()
    outcome = live.outcome(120)
    assert outcome["counts"] == {"passed": tests + 1}
    assert int(peak[1]) <= BUDGET_KB, f"{int(peak[1]) / 1024:.1f} MB"


def _tail(path: Path) -> str:
    try:
        return path.read_bytes()[-400:].decode(errors="replace")
    except OSError:
        return ""
