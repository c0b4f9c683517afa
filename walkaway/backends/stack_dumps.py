"""Get the stacks of a stuck run: send a real-time signal to the processes that registered for it.

The signal kills a process that did not register. So only PIDs with their own file in stacks/ get
it, and only if they are still the same process.
"""

from __future__ import annotations

import os
import signal
import time

from walkaway.process import proc_table

SIGNAL = getattr(signal, "SIGRTMIN", 0) + 6
"""The recorder registers faulthandler for this signal."""
_WAIT_S = 2.0
_PAUSE_S = 0.02


def take(record: str) -> int:
    """Make every registered process write its stacks; return how many did. Takes at most 2 s.

    A process that is suspended answers once it goes on: nobody waits for it.
    """
    waiting: dict[str, int] = {}
    for path in _files(record):
        pid, start, _ = _first_line(path)
        if pid and proc_table.alive(pid, start):
            size = _size(path)
            proc = proc_table.read(pid)
            if proc is None or proc.state not in "Tt":
                waiting[path] = size
            proc_table.send(pid, start, SIGNAL)
    asked = len(waiting)
    deadline = time.monotonic() + _WAIT_S
    while waiting and time.monotonic() < deadline:
        waiting = {path: size for path, size in waiting.items() if _size(path) <= size}
        time.sleep(_PAUSE_S)
    return asked - len(waiting)


def registered(record: str, worker: str) -> list[tuple[int, int]]:
    """Return PID and start time of the living processes registered as ``worker`` (`-`: pytest)."""
    lines = [_first_line(path) for path in _files(record)]
    found = [(pid, start) for pid, start, name in lines if name == worker]
    return [process for process in found if process[0] and proc_table.alive(*process)]


def _files(record: str) -> list[str]:
    folder = os.path.join(record, "stacks")
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []


def _first_line(path: str) -> tuple[int, int, str]:
    """Return PID, start time and worker from a stacks file; (0, 0, "") when it has none."""
    try:
        with open(path, "rb") as file:
            words = file.readline(200).split()
        return int(words[0]), int(words[1]), words[2].decode()
    except (OSError, ValueError, IndexError):
        return 0, 0, ""


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 1 << 62
