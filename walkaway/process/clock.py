"""Where and when we are: a clock that nobody can set back, and the machine, boot and PID namespace.

Stdlib only and light: the supervisor imports it.
"""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime

# A process forked from another one shares its namespace unless it was made a new one.
_NAMESPACE = "/proc/self/ns/pid"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_s() -> float:
    """Seconds since boot, suspended time included; the same in every process and container."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def boot_id() -> str:
    """Return the kernel's id of this boot; empty where there is none (not Linux)."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def host() -> str:
    """Return this host's name and PID namespace: where a PID means something."""
    try:
        namespace = os.readlink(_NAMESPACE)
    except OSError:
        namespace = ""
    return f"{platform.node()} {namespace}".strip()


def iso(wall_s: float) -> str:
    """UTC, `2026-11-22T10:15:30.123Z`."""
    moment = datetime.fromtimestamp(wall_s, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
