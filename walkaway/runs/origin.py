"""Find out who started this process: an agent, a terminal, a shell, CI, or an enclosing run.

`latest` means the latest run of the same origin, so two agents on one machine do not mistake each
other's runs for their own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from walkaway.model.run import Origin
from walkaway.process import proc_table

# Set by coding agents in the shells they open. Those in the first tuple identify a session.
_SESSION_VARIABLES = ("WALKAWAY_ORIGIN", "CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID")
_AGENT_VARIABLES = ("AI_AGENT", "CLAUDECODE", "CODEX_SANDBOX", "CURSOR_AGENT", "GEMINI_CLI")
MARKER = "WALKAWAY_RUN"

# Programs that may stand between the origin and us and live only as long as one command.
_PASSERS_BY = frozenset({
    *("sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "busybox", "make", "gmake", "inv"),
    *("invoke", "env", "timeout", "nice", "nohup", "setsid", "xargs", "script", "stdbuf", "time"),
    *("sudo", "su", "flock", "strace", "tee", "uv"),
})  # fmt: skip


def is_agent(environ: Mapping[str, str]) -> bool:
    """Return whether a coding agent reads the output."""
    return any(environ.get(name) for name in _AGENT_VARIABLES)


def is_ci(environ: Mapping[str, str]) -> bool:
    """Return whether CI runs us: `CI` is set, and not to empty, 0, false or no."""
    return environ.get("CI", "").lower() not in {"", "0", "false", "no"}


def detect(environ: Mapping[str, str]) -> Origin:
    """Return the origin of this process. Its key does not depend on `CI`."""
    if environ.get(MARKER):
        return Origin("run", environ[MARKER])
    agent = is_agent(environ)
    # An agent may open a different terminal for every command.
    leader = "" if agent else _terminal()
    kind = "agent" if agent else "ci" if is_ci(environ) else "terminal" if leader else "shell"
    for name in _SESSION_VARIABLES:
        if environ.get(name):
            return Origin(kind, f"{name}={environ[name][:200]}")
    return Origin(kind, leader or _ancestor())


def _terminal() -> str:
    """Return the session leader of our terminal with its start time; empty without a terminal."""
    try:
        fd = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return ""
    os.close(fd)
    leader = os.getsid(0)
    return f"session {leader} {proc_table.start_ticks(leader)}"


def _ancestor() -> str:
    """Return the nearest ancestor that outlives a single command, with its start time.

    An agent's shells come and go with each call, but its own process stays. Where there are only
    shells, it is the outermost one.
    """
    found = proc_table.read(os.getppid())
    while found is not None and found.pid > 1 and _passes_by(found.pid):
        above = proc_table.read(found.ppid)
        if above is None or above.pid == 0:
            break
        found = above
    return f"process {found.pid} {found.start}" if found else f"session {os.getsid(0)}"


def _passes_by(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read().strip()
    except OSError:
        return False
    return name.split("3.")[0] in _PASSERS_BY
