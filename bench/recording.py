"""What recording costs a test: 10,000 one-line tests with and without the recorder, CPU time.

Budget: 25 microseconds a test. Run: .venv/bin/python bench/recording.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from itertools import count
from pathlib import Path

from measure import ROOT, cpu_s, pairs, report

TESTS = 10_000
PAIRS = 20


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        suite = "import pytest\n@pytest.mark.parametrize('n', range(%d))\ndef test_one(n): pass\n"
        (project / "test_many.py").write_text(suite % TESTS)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly"]
        numbers = count()

        def bare() -> float:
            return cpu_s([*command, "-o", "verbosity_test_cases=1"], project)

        def recorded() -> float:
            record = project / f"record-{next(numbers)}"
            record.mkdir()
            return cpu_s(
                [*command, "-p", "walkaway_recorder", "-o", "verbosity_test_cases=1"],
                project,
                PYTHONPATH=str(ROOT / "walkaway" / "recorder"),
                WALKAWAY_RECORD=str(record),
                WALKAWAY_EPOCH="0",
                WALKAWAY_PASS="1",  # noqa: S106 - a number, no password
                WALKAWAY_RUN=str(record),
            )

        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        bare()
        recorded()
        report("recording, CPU a test", TESTS * 1e-6, "us", pairs(bare, recorded, PAIRS))


if __name__ == "__main__":
    main()
