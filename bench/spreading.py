"""What holding serial tests back costs: trivial tests under -n 2, with and without the plugin.

Interleaved rounds of: xdist alone, the plugin, xdist alone once more (the noise floor), and the
plugin with something to do (a serial test and a group).
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
PLUGIN = 'pytest_plugins = ["walkaway.isolation.spreading"]\n'
BUSY = """
import pytest
@pytest.mark.serial
def test_serial(): pass
@pytest.mark.xdist_group("g")
@pytest.mark.parametrize("n", range(9))
def test_group(n): pass
"""
KINDS = {
    "xdist": ("", ""),
    "plugin": (PLUGIN, ""),
    "xdist again": ("", ""),
    "plugin, busy": (PLUGIN, BUSY),
}


def write(root: Path) -> None:
    each = "".join(f"def test_{n}(): pass\n" for n in range(TESTS // MODULES))
    for n in range(MODULES):
        (root / f"test_{n}.py").write_text(each, encoding="ascii")
    (root / "pytest.ini").write_text("[pytest]\nmarkers = serial\n", encoding="ascii")


def run(root: Path, conftest: str, more: str) -> tuple[float, float]:
    """Return wall and CPU seconds of a run."""
    (root / "conftest.py").write_text(conftest, encoding="ascii")
    (root / "test_more.py").write_text(more, encoding="ascii")
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
    }
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-p", "no:cacheprovider", "-n2"]
    before, begun = os.times(), time.perf_counter()
    subprocess.run(argv, cwd=root, env=environ, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - begun, os.times()
    cpu = after.children_user + after.children_system
    return wall, cpu - before.children_user - before.children_system


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root)
        run(root, PLUGIN, "")  # byte code
        seen = [{kind: run(root, *given) for kind, given in KINDS.items()} for _ in range(rounds)]
    for kind in KINDS:
        wall = median(one[kind][0] for one in seen)
        cpu = median(one[kind][1] for one in seen)
        ratios = [median(one[kind][n] / one["xdist"][n] for one in seen) for n in (0, 1)]
        print(
            f"{kind:<13} wall {wall:6.2f} s ({ratios[0]:.3f})  cpu {cpu:6.2f} s ({ratios[1]:.3f})"
        )


if __name__ == "__main__":
    main()
