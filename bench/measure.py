"""What the benchmarks share: interleaved pairs, their medians, and a line for the documents.

The machines are noisy, so every figure is a ratio or a difference of two things measured in turns
in one run, with the noise floor (the same thing against itself) beside it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"


def wall_s(argv: Sequence[str], cwd: Path, **environ: str) -> float:
    """Run a command to its end; its wall time in seconds. Both outputs are read and dropped."""
    begun = time.perf_counter()
    done = subprocess.run(
        argv, cwd=cwd, env={**os.environ, **environ}, capture_output=True, check=False
    )
    took = time.perf_counter() - begun
    if done.returncode not in {0, 1}:
        raise SystemExit(f"{argv}: {done.returncode}\n{done.stderr.decode()}")
    return took


def cpu_s(argv: Sequence[str], cwd: Path, **environ: str) -> float:
    """Run a command to its end; CPU seconds of it and its children."""
    before = os.times()
    wall_s(argv, cwd, **environ)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def pairs(
    base: Callable[[], float], other: Callable[[], float], count: int
) -> tuple[list[float], list[float], list[float]]:
    """Measure base, other, base in turns; the third list is the noise floor's second half."""
    first, second, third = [], [], []
    for _ in range(count):
        first.append(base())
        second.append(other())
        third.append(base())
    return first, second, third


def report(
    name: str, unit_s: float, unit: str, measured: tuple[list[float], list[float], list[float]]
) -> None:
    """Print medians, the difference and the ratio, and the noise floor. ``unit_s``: its seconds."""
    first, second, third = measured
    base = statistics.median(first + third)
    other = statistics.median(second)
    differences = [b - (a + c) / 2 for a, b, c in zip(first, second, third, strict=True)]
    noise = statistics.median(abs(a - c) for a, c in zip(first, third, strict=True))
    change = statistics.median(differences) / unit_s
    print(
        f"{name}: base {base / unit_s:.1f} {unit}, with {other / unit_s:.1f} {unit}, "
        f"ratio {other / base:.3f}, difference {change:+.1f} {unit} "
        f"(noise floor {noise / unit_s:.1f} {unit}, {len(first)} pairs)"
    )
