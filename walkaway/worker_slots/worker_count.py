"""How many xdist workers this machine can run, and how many a run asks for.

Light, no pathlib: the supervisor imports it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence

_WORKER_BYTES = 256 * 1024 * 1024
"""Memory counted for each worker: a service's test process with its imports."""
_LEAST_SLOTS = 4
_CGROUP = "/sys/fs/cgroup"
_LIMITS = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file "),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat",
     "total_inactive_file "),
)  # fmt: skip
"""cgroup v2, then v1: the limit, the usage, and the part of the usage that is inactive page cache,
which the kernel gives back. `docker stats` subtracts the same."""

_COUNT = re.compile(r"(?:-[vqsxlhd]*n=?|--numprocesses=)(.*)", re.DOTALL)
"""`-n4`, `-n=4`, `-xn4`; with nothing after it, the next word is the count."""
_OTHERS = re.compile("--(dist|maxprocesses|tx|forks)(?:=(.*))?", re.DOTALL)


def auto() -> int:
    """Return the number of workers for `--workers auto`, at least 1.

    `os.cpu_count()`, which `-n auto` uses, ignores container quotas and memory.
    """
    available = available_bytes()
    return max(1, min(_cpus(), available // _WORKER_BYTES)) if available else _cpus()


def within(cpus: float, memory_bytes: int) -> int:
    """Return `auto()` capped by a container's limits; 0 means no limit."""
    count = auto()
    if cpus:
        count = min(count, int(cpus))
    if memory_bytes:
        count = min(count, memory_bytes // _WORKER_BYTES)
    return max(1, count)


def slots(setting: str) -> int:
    """Return how many workers all runs on this machine may have together; 0: no limit.

    ``setting`` is `walkaway.worker_slots`. `auto`: twice the CPUs, at least 4, but no more than
    the machine has memory for. That is its total memory, not what is free now: the workers of
    live runs use theirs already and are counted in the slots.
    """
    if setting != "auto":
        return int(setting)
    memory = _memory_bytes()
    by_cpus = max(_LEAST_SLOTS, 2 * _cpus())
    return max(1, min(by_cpus, memory // _WORKER_BYTES)) if memory else by_cpus


def requested(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Return how many workers a pytest command line asks for, with `-n` or `--forks`; else 1.

    Follows xdist: the last `-n` wins, `--dist no` beside it does nothing, and `--tx` counts only
    with a `--dist` other than `no`. PYTEST_ADDOPTS comes before argv. Options in an ini file are
    not seen.
    """
    try:
        before = shlex.split(environ.get("PYTEST_ADDOPTS", ""))
    except ValueError:
        before = []
    given = _options([*before, *argv])
    if "forks" in given:
        return max(1, _count(given["forks"], environ))
    if "n" not in given:
        spread = given.get("dist", "no") != "no"
        return max(1, _specs(given.get("tx", ""))) if spread else 1
    count = _count(given["n"], environ)
    most = given.get("maxprocesses", "")
    return max(1, min(count, int(most)) if most.isdecimal() and int(most) else count)


def _options(words: Sequence[str]) -> dict[str, str]:
    """Return the last value of each option that sets the count; `tx` collects all its values."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        name, value = "n", None
        if match := _OTHERS.fullmatch(word):
            name, value = match[1], match[2]
        elif word != "--numprocesses":
            match = _COUNT.fullmatch(word)
            if match is None:
                continue
            value = match[1] or None
        value = next(rest, "") if value is None else value
        found[name] = f"{found.get('tx', '')} {value}" if name == "tx" else value.strip()
    return found


def _count(text: str, environ: Mapping[str, str]) -> int:
    if text in {"auto", "logical"}:
        own = environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
        return int(own) if own.isdecimal() else auto()
    return int(text) if text.isdecimal() else 1


def _specs(text: str) -> int:
    """Count xdist's execution environments: `3*popen popen` is 4."""
    found = 0
    for spec in text.split():
        times, star, _ = spec.partition("*")
        found += int(times) if star and times.isdecimal() else 1
    return found


def _cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    quota = _quota()
    return max(1, min(count, int(quota) if quota >= 1 else 1)) if quota else count


def _quota() -> float:
    """Return the cgroup's CPU limit (v2, then v1); 0 when it has none."""
    try:
        most, period = _read(f"{_CGROUP}/cpu.max").split()
        return 0.0 if most == "max" else int(most) / int(period)
    except (OSError, ValueError):
        pass
    try:
        quota = int(_read(f"{_CGROUP}/cpu/cpu.cfs_quota_us"))
        period = _read(f"{_CGROUP}/cpu/cpu.cfs_period_us")
        return quota / int(period) if quota > 0 else 0.0
    except (OSError, ValueError):
        return 0.0


def available_bytes() -> int:
    """Return the memory available without swapping, within the cgroup's limit; 0 when unknown."""
    found = _meminfo("MemAvailable:")
    for limit, used, stat, name in _LIMITS if found else ():
        try:
            most, now = int(_read(f"{_CGROUP}/{limit}")), int(_read(f"{_CGROUP}/{used}"))
        except (OSError, ValueError):
            continue
        # Usage and cache are not read at the same moment, and v1's usage is rounded: never below 0.
        now -= min(now, _number(f"{_CGROUP}/{stat}", name))
        found = min(found, max(0, most - now))
    return found


def _memory_bytes() -> int:
    """Return the machine's memory or, if lower, the cgroup's limit; 0 when unknown."""
    found = _meminfo("MemTotal:")
    for limit, *_ in _LIMITS if found else ():
        try:
            found = min(found, int(_read(f"{_CGROUP}/{limit}")))
        except (OSError, ValueError):
            continue
    return found


def _meminfo(name: str) -> int:
    return _number("/proc/meminfo", name) * 1024


def _number(path: str, name: str) -> int:
    """Return the number in the line that starts with ``name``; 0 when there is none."""
    try:
        lines = _read(path).splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
    except (OSError, ValueError):
        return 0


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
