"""Find out who has a port of this machine: a container or a process."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from walkaway.environment import engine
from walkaway.errors import WalkawayError
from walkaway.process import proc_table

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
# State TCP_LISTEN in those tables, see proc(5).
_LISTEN = "0A"
_TAKEN = re.compile(r"bind: address already in use|port is already allocated")
_PORT = re.compile(r":(\d{1,5})(?::| failed|\b)")


def taken(text: str) -> int:
    """Return the port that an engine's message says is taken; 0 when it says no such thing.

    There are two forms: `listen tcp4 127.0.0.1:80: bind: address already in use` when a process has
    it, and `Bind for 0.0.0.0:80 failed: port is already allocated` when the engine itself gave it
    away.
    """
    for line in text.splitlines():
        found = _TAKEN.search(line)
        ports = _PORT.findall(line[: found.start()]) if found else []
        if ports:
            return int(ports[-1])
    return 0


def owner(port: int, environ: Mapping[str, str]) -> str:
    """Return who listens on a TCP port: `container NAME`, `process PID: COMMAND`, or nothing."""
    return _container(port, environ) or _process(port)


def _container(port: int, environ: Mapping[str, str]) -> str:
    words = ("docker", "ps", "--filter", f"publish={port}", "--format", "{{.Names}}\t{{.Ports}}")
    try:
        rows = engine.ask(words, environ).splitlines()
    except WalkawayError:
        return ""
    # The filter also matches the port inside containers.
    names = [row.partition("\t")[0] for row in rows if f":{port}->" in row]
    return f"container {names[0]}" if names else ""


def _process(port: int) -> str:
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    if not inodes:
        return ""
    for pid in sorted(proc_table.everyone()):
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if os.readlink(entry.path) in inodes:  # noqa: PTH115 - thousands of them
                        return f"process {pid}: {proc_table.command(pid)}"
    return "a process of another user, or of another container"


def _listening(port: int) -> set[str]:
    """Return the inodes of the sockets that listen on a port."""
    found = set()
    for table in _TABLES:
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found
