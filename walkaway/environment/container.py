"""The container of a pass: its name, its command line and its state in the engine. Pure."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from walkaway.environment import entrypoint
from walkaway.environment.project import (
    CACHE,
    LABEL_CHECKOUT,
    LABEL_RUN,
    LABEL_SLOT,
    PREFIX,
    Project,
    checkout_hash,
)
from walkaway.model import exit_codes, pass_setup
from walkaway.model.run import Run
from walkaway.process.children import Exit

RECORD = "/walkaway/record"
LOG = "/walkaway/run.log"
RECORDER = "/walkaway/recorder"
FORKS = "/walkaway/forks"
"""Beside the recorder, as in the package: the recorder looks for the plugin there."""
LAUNCHING = "launch.lock"
"""File in the record, locked by whoever launches the container, even without a supervisor."""
STARTING = "starting the container"
"""Phase in which the engine may be creating the container.

Ending a run now may leave one behind.
"""
_DEFAULT = "WALKAWAY_DEFAULT_"
"""Prefix of variables that only apply where the service does not set them itself."""
_GO = (
    f"true 2>/dev/null >{RECORD}/{entrypoint.MARK}; "
    "exec >>/walkaway/run.log 2>&1 </dev/null; "
    f'cd -- "$1" || exit {exit_codes.NOT_STARTABLE}; shift; '
    # Only the container knows whether the service sets these itself.
    + "".join(
        f'{name}="${{{name}:-${{{_DEFAULT}{name}:-}}}}"; unset {_DEFAULT}{name}; '
        f'[ -z "${name}" ] || export {name}; '
        for name in ("PYTHONHASHSEED", "COVERAGE_FILE")
    )
    + 'PYTHONPATH="/walkaway/recorder${PYTHONPATH:+:$PYTHONPATH}"; export PYTHONPATH; exec "$@"'
)
"""Shell script that starts pytest. With exec, pytest gets signals itself; "$@" keeps arguments."""
_STACKS = (
    "for f in /walkaway/record/stacks/*.txt; do "
    'read -r pid start name number <"$f" || continue; '
    's=$(cat "/proc/$pid/stat" 2>/dev/null) || continue; s=${s##*) }; set -- $s; '
    '[ "${20}" = "$start" ] && kill -"${number:-40}" "$pid"; done; :'
)
"""Shell script that asks for stacks.

It signals only processes that registered and whose start time is still the same. That is field 22
of /proc/PID/stat (proc(5)), the 20th after the name in parentheses.
"""
_NOT_SEEN = 255
# What the engine reports for a time that has not come yet.
_UNSET = "0001-01-01"


class State(NamedTuple):
    """The engine's view of a container."""

    status: str = ""
    """created, running, exited, dead, …; empty when it does not exist."""
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    id: str = ""
    pid: int = 0
    """PID of its first process, in the engine's kernel; 0 when none runs."""
    started_at: str = ""
    finished_at: str = ""
    image: str = ""
    memory_bytes: int = 0
    cpus: float = 0.0
    entrypoint: tuple[str, ...] = ()
    """Entrypoint of the image or of the service; it gets our command."""

    @property
    def over(self) -> bool:
        """Whether it ran and has ended."""
        return self.status in {"exited", "dead"} and bool(self.started_at)


def name(root: str, run_id: str, number: int) -> str:
    """Return the fixed name of a pass's container, so that it can be found whatever was killed."""
    return f"{PREFIX}-{checkout_hash(Path(root))}-{run_id}-{number}"


def command(
    project: Project, run: Run, record: str, number: int, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the Compose command that starts a pass: detached, named, labelled, never --rm."""
    folder = Path(record)
    cache = folder.parent / ".cache"
    mounts = (
        (str(folder), RECORD),
        (f"{record}.log", LOG),
        (str(cache), CACHE),
        (str(recorder_folder()), f"{RECORDER}:ro"),
        (str(recorder_folder().parent / "forks"), f"{FORKS}:ro"),
    )
    labels = {
        LABEL_RUN: run.id,
        LABEL_CHECKOUT: run.root,
        LABEL_SLOT: str(project.slot),
    }
    words = ["run", "-d", "-T", "--interactive=false", "--no-deps"]
    words += ["--name", name(run.root, run.id, number)]
    for key, value in labels.items():
        words += ["--label", f"{key}={value}"]
    for source, target in mounts:
        words += ["-v", f"{source}:{target}"]
    for key, value in environ.items():
        words += ["-e", f"{key}={value}"]
    inside = _inside(run.root, run.cwd)
    argv = pass_setup.argv(run, number)
    return project.compose(*words, project.service, "sh", "-c", _GO, "sh", inside, *argv)


def environment(run: Run, number: int) -> dict[str, str]:
    """Return the environment variables of a pass inside the container."""
    given = pass_setup.variables(run, RECORD, number)
    given["TESTMON_DATAFILE"] = f"{CACHE}/testmondata"
    defaults = pass_setup.defaults(run, RECORD, number)
    return given | {f"{_DEFAULT}{name}": value for name, value in defaults.items()}


def recorder_folder() -> Path:
    """Return the folder that contains only the recorder."""
    return Path(__file__).resolve().parent.parent / "recorder"


def signal_command(container: str, number: int) -> tuple[str, ...]:
    """Return the command that signals a container's first process, pytest."""
    return ("docker", "kill", "--signal", signal.Signals(number).name, container)


def stacks_command(container: str) -> tuple[str, ...]:
    """Return the command that makes all registered processes in a container write their stacks."""
    return ("docker", "exec", container, "sh", "-c", _STACKS)


def state(found: Mapping[str, Any]) -> State:
    """Read one object of `docker inspect`."""
    raw = found.get("State") or {}
    limits = found.get("HostConfig") or {}
    started = str(raw.get("StartedAt") or "")
    return State(
        status=str(raw.get("Status") or "unknown"),
        exit_code=int(raw.get("ExitCode") or 0),
        oom_killed=bool(raw.get("OOMKilled")),
        error=str(raw.get("Error") or ""),
        id=str(found.get("Id") or ""),
        pid=int(raw.get("Pid") or 0),
        started_at="" if started.startswith(_UNSET) else started,
        finished_at=str(raw.get("FinishedAt") or ""),
        image=str(found.get("Image") or ""),
        memory_bytes=int(limits.get("Memory") or 0),
        cpus=int(limits.get("NanoCpus") or 0) / 1e9,
        entrypoint=tuple((found.get("Config") or {}).get("Entrypoint") or ()),
    )


def exit_of(found: State, *, away: bool = False) -> Exit:
    """Return how pytest ended. The engine reports signal n as exit code 128 + n.

    ``away`` means that the engine may have been stopped meanwhile. Exit code 255 then means that it
    did not see the end, and only the recorder's last event can tell.
    """
    if away and found.exit_code == _NOT_SEEN:
        return Exit()
    number = found.exit_code - exit_codes.SIGNAL_BASE
    if 0 < number < signal.NSIG:
        return Exit(None, number)
    return Exit(found.exit_code)


def _inside(root: str, cwd: str) -> str:
    """Return the folder to run in, relative to the service's working directory."""
    path = Path(cwd)
    return str(path.relative_to(root)) if path.is_relative_to(root) else "."
