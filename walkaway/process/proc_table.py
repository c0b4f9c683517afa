"""Processes as /proc shows them. A PID is never trusted without its start time.

Without /proc (not Linux) every result is empty, and callers do their best. Light: the supervisor
imports it.
"""

from __future__ import annotations

import os
import signal
from typing import NamedTuple


class Proc(NamedTuple):
    """One process. ``start``: clock ticks since boot; ``cpu_ticks`` includes reaped children."""

    pid: int
    ppid: int
    start: int
    cpu_ticks: int
    state: str


def read(pid: int) -> Proc | None:
    """Return a process, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            data = file.read()
    except OSError:
        return None
    # The command name may contain spaces and brackets, so count fields from the last ')'.
    # proc(5): 0 is the state, 1 the parent, 11-14 utime, stime, cutime, cstime, 19 the start.
    fields = data[data.rfind(b")") + 2 :].split()
    return Proc(
        pid,
        int(fields[1]),
        int(fields[19]),
        sum(int(field) for field in fields[11:15]),
        fields[0].decode(),
    )


def start_ticks(pid: int) -> int:
    """Return a process's start time in clock ticks since boot; 0 when unknown."""
    proc = read(pid)
    return proc.start if proc else 0


def alive(pid: int, start: int) -> bool:
    """Return whether this exact process lives; with ``start`` 0, whether any has the PID."""
    proc = read(pid)
    if proc is not None:
        return proc.state not in "ZX" and start in {0, proc.start}
    if os.path.isdir("/proc/self"):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def everyone() -> dict[int, Proc]:
    """Return all visible processes by PID."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    return {proc.pid: proc for name in names if name.isdigit() and (proc := read(int(name)))}


def descendants(of: int, processes: dict[int, Proc]) -> list[Proc]:
    """Return the children of a process, their children, and so on; zombies included."""
    children: dict[int, list[Proc]] = {}
    for proc in processes.values():
        children.setdefault(proc.ppid, []).append(proc)
    found: list[Proc] = []
    queue = [of]
    while queue:
        born = children.get(queue.pop(), [])
        found += born
        queue += [proc.pid for proc in born]
    return found


def marked(marker: bytes, processes: dict[int, Proc]) -> list[Proc]:
    """Return the processes that have ``marker`` (`NAME=value`) as an entry in their environment."""
    found = []
    for proc in processes.values():
        try:
            with open(f"/proc/{proc.pid}/environ", "rb") as file:
                environ = file.read()
        except OSError:
            continue
        if marker in environ.split(b"\0"):
            found.append(proc)
    return found


def own_children() -> list[int]:
    """Return our children from the kernel's own list, zombies included; empty if not available.

    A hundred times faster than a walk through /proc, so it can keep up with a process that forks
    and exits all the time. Until we reap them, their PIDs cannot be reused.
    """
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def command(pid: int) -> str:
    """Return a process's command line: printable, at most 200 characters, `?` when unknown."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(400).rstrip(b"\0").split(b"\0")
    except OSError:
        return "?"
    line = " ".join(word.decode(errors="replace") for word in words)
    return "".join(c if c.isprintable() else "?" for c in line)[:200] or "?"


def send(pid: int, start: int, number: int) -> bool:  # noqa: PLR0911 - each step may find it gone
    """Signal this exact process, never a later one with the same PID. False when it is gone."""
    opener = getattr(os, "pidfd_open", None)
    if opener is None or start == 0:
        if not alive(pid, start):
            return False
        try:
            os.kill(pid, number)
        except OSError:
            return False
        return True
    try:
        fd = opener(pid)
    except OSError:
        return False
    try:
        # Check after opening: the descriptor is bound to one process, so a PID reused before the
        # open shows here, and one reused later cannot be hit.
        if not alive(pid, start):
            return False
        signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
