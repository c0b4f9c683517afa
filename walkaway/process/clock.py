"""A clock that nobody can set back, and the identity of host, boot and PID namespace.

Standard library only and light: the supervisor imports it.
"""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime

# A PID means something only within one PID namespace.
_NAMESPACE = "/proc/self/ns/pid"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_s() -> float:
    """Return seconds since boot, suspended time included; the same in all containers."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def boot_id() -> str:
    """Return the kernel's id for this boot; empty where there is none (not Linux)."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def host() -> str:
    """Return this host's name and PID namespace; a PID is valid only within them."""
    try:
        namespace = os.readlink(_NAMESPACE)
    except OSError:
        namespace = ""
    return f"{platform.node()} {namespace}".strip()


def iso(wall_s: float) -> str:
    """Format seconds since the epoch as UTC: `2026-11-22T10:15:30.123Z`."""
    moment = datetime.fromtimestamp(wall_s, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
