"""How many xdist workers this machine bears: CPU affinity and quota, and memory."""

from __future__ import annotations

import os
from pathlib import Path

_WORKER_BYTES = 256 * 1024 * 1024
"""Set aside for each worker: a service's test process with its imports."""


def auto() -> int:
    """Return the number of workers for `--workers auto`, at least 1.

    `os.cpu_count()`, which `-n auto` goes by, knows neither container quotas nor memory.
    """
    by_memory = _available_bytes() // _WORKER_BYTES
    return max(1, min(_cpus(), by_memory) if by_memory else _cpus())


def _cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    quota = _quota()
    return max(1, min(count, int(quota) if quota >= 1 else 1)) if quota else count


def _quota() -> float:
    """Return the cgroup's CPUs (v2, then v1); 0 when it has no limit."""
    try:
        most, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return 0.0 if most == "max" else int(most) / int(period)
    except (OSError, ValueError):
        pass
    try:
        folder = Path("/sys/fs/cgroup/cpu")
        most = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
        period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        return int(most) / int(period) if int(most) > 0 else 0.0
    except (OSError, ValueError):
        return 0.0


def _available_bytes() -> int:
    """Return what can be had without swapping, within the cgroup's limit; 0 when unknown."""
    found = 0
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                found = int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return 0
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        try:
            most = int(Path(limit).read_text(encoding="ascii"))
            taken = int(Path(used).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        found = min(found, max(0, most - taken))
    return found
