"""Forked workers against a serial run and pytest-xdist: 10,000 one-line tests in 100 files.

Interleaved rounds; each row has medians and its ratio to serial and to xdist, and serial once more
is the noise floor. `python bench/forks.py [ROUNDS [WORKERS]]`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

TESTS, MODULES, ROUNDS = 10_000, 100, 5
FORKS = Path(__file__).resolve().parents[1] / "walkaway" / "forks"


def kinds(workers: str) -> dict[str, tuple[str, ...]]:
    """Return the arguments of each way to run the suite."""
    return {
        "serial": (),
        "forks": ("-p", "walkaway_forks", "--forks", workers),
        "xdist load": ("-p", "xdist", "-n", workers),
        "xdist worksteal": ("-p", "xdist", "-n", workers, "--dist", "worksteal"),
        "serial again": (),
    }


def write(root: Path) -> None:
    each = "".join(f"def test_{n}(): assert {n} + 1 == {n + 1}\n" for n in range(TESTS // MODULES))
    for n in range(MODULES):
        (root / f"test_{n}.py").write_text(each, encoding="ascii")
    (root / "pytest.ini").write_text("[pytest]\n", encoding="ascii")


def run(root: Path, args: tuple[str, ...]) -> tuple[float, float]:
    """Return wall and CPU seconds of a run."""
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(FORKS),
    }
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
    before, begun = os.times(), time.perf_counter()
    subprocess.run(argv, cwd=root, env=environ, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - begun, os.times()
    cpu = after.children_user + after.children_system
    return wall, cpu - before.children_user - before.children_system


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    ways = kinds(sys.argv[2] if len(sys.argv) > 2 else "2")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root)
        run(root, ())  # byte code
        seen = [{way: run(root, args) for way, args in ways.items()} for _ in range(rounds)]
    for way in ways:
        parts = [f"{way:<16}"]
        for index, name in enumerate(("wall", "cpu")):
            took = median(one[way][index] for one in seen)
            ratios = [
                median(one[way][index] / min(one[base][index] for base in bases) for one in seen)
                for bases in (("serial",), ("xdist load", "xdist worksteal"))
            ]
            parts.append(f"{name} {took:6.2f} s  / serial {ratios[0]:.3f}  / xdist {ratios[1]:.3f}")
        print("  ".join(parts))


if __name__ == "__main__":
    main()
