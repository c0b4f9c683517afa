"""The supervisor's peak memory over a run of 20,000 tests. Budget: 20 MB.

Run: .venv/bin/python bench/memory.py
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from pathlib import Path

from measure import BIN, ROOT, wall_s

TESTS = 20_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        (project / "tasks.py").write_text("from walkaway import ns\n__all__ = ['ns']\n")
        suite = "import pytest\n@pytest.mark.parametrize('n', range(%d))\ndef test_one(n): pass\n"
        (project / "test_many.py").write_text(suite % TESTS)
        environ = {"PYTHONPATH": str(ROOT), "WALKAWAY_ORIGIN": f"bench {os.getpid()}"}
        wall_s([str(BIN / "inv"), "test-async"], project, **environ)
        (journal,) = project.glob("logs/tests/pytest/test-run-*/supervisor.jsonl")
        pid = json.loads(journal.read_text().splitlines()[0])["pid"]
        peak = 0
        while not (journal.parent / "outcome.json").exists():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                break
            peak = max(peak, *(int(kb) for kb in re.findall(r"VmHWM:\s+(\d+) kB", status)), 0)
            time.sleep(0.02)
        print(f"supervisor, {TESTS:,} tests: peak {peak / 1024:.1f} MB")


if __name__ == "__main__":
    main()
