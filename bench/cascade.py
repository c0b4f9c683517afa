"""What an agent reads to know a cascade of 38 failures: our bytes against pytest's own.

Budget: 500 bytes. Run: .venv/bin/python bench/cascade.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import BIN, ROOT

SUITE = """
import pytest

def connect():
    raise ConnectionRefusedError(111, "connection to db:5432 refused")

@pytest.fixture
def session():
    return connect()

@pytest.mark.parametrize("n", range(38))
def test_user(session, n):
    assert session.user(n)

@pytest.mark.parametrize("n", range(82))
def test_other(n):
    assert n >= 0
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        (project / "tasks.py").write_text("from walkaway import ns\n__all__ = ['ns']\n")
        (project / "test_users.py").write_text(SUITE)
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "AI_AGENT": "bench"}
        environ["WALKAWAY_ORIGIN"] = f"bench {os.getpid()}"

        def output(*argv: str) -> int:
            done = subprocess.run(argv, cwd=project, env=environ, capture_output=True, check=False)
            return len(done.stdout)

        inv = str(BIN / "inv")
        output(inv, "test-async")
        verdict = output(inv, "wait", "--timeout", "60")
        failures = output(inv, "failures")
        own = output(sys.executable, "-m", "pytest")
        short = output(sys.executable, "-m", "pytest", "-q", "--tb=line")
        print(
            f"38-failure cascade: inv failures {failures} bytes (the verdict of wait: {verdict}), "
            f"pytest {own} bytes ({own / failures:.0f} x), pytest -q --tb=line {short} bytes"
        )


if __name__ == "__main__":
    main()
