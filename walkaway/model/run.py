"""What was started: the contents of run.json."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

SCHEMA = 1
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a run. Seconds and bytes; 0 switches a limit off, but for the log's parts."""

    deadline_s: float = 4 * 3600.0
    stall_s: float = 600.0
    linger_s: float = 30.0
    """For a process that stays, idle, after pytest's end."""
    output_bytes: int = 8192 * MB
    """What pytest may print in all before the run is ended."""
    capture_bytes: int = 1024 * MB
    """What one test may print into pytest's capture file."""
    log_head_bytes: int = 16 * MB
    """Kept of a huge log: its head and its tail; the middle's disk space is given back."""
    log_tail_bytes: int = 64 * MB
    disk_floor_bytes: int = 64 * MB
    """Free space below which a run that fills the disk by itself is ended."""
    grace_s: float = 10.0
    """Between INT and TERM; half of it between TERM and KILL."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What started a run. ``kind`` is agent, terminal, shell, ci or run."""

    kind: str = "shell"
    key: str = ""
    """Equal keys are the same origin."""


@dataclass(frozen=True, slots=True)
class Compose:
    """What a run in Compose needs beside its command."""

    service: str = "test"
    files: tuple[str, ...] = ()
    """Compose files as configured, relative to the root; none: Compose finds its own."""
    slots: int = 1
    """Environments of the checkout that may be up at the same time."""
    services: bool = True
    """Whether the tests need the services; then the run leases an environment."""
    only_build: bool = False
    """Build the image, and run nothing."""
    no_cache: bool = False
    pull: bool = False
    engine: dict[str, str] = field(default_factory=dict)
    """Variables that say which engine it is: who takes the run over may mean another."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as its starter wrote it down. Paths are absolute."""

    id: str
    root: str
    cwd: str
    args: tuple[str, ...]
    """Arguments as typed, for pytest."""
    argv: tuple[str, ...]
    """The whole command: pytest, the recorder, options, arguments."""
    created_s: float
    """Wall clock, seconds since the epoch."""
    started_boot: float
    """Seconds since boot: the zero of every `t` in the record."""
    boot_id: str = ""
    host: str = ""
    lock: tuple[int, int] = (0, 0)
    """Device and inode of supervisor.lock."""
    key: str = ""
    """Equal keys, equal trees: the same run."""
    label: str = ""
    """Arguments for people: task options and pytest arguments in one line."""
    origin: Origin = Origin()
    limits: Limits = Limits()
    backend: str = "local"
    named: bool = False
    """Whether there was a choice of backends, so that people are told which it is."""
    fell_back: str = ""
    """Why `auto` chose local, in a few words; empty when it did not."""
    python: str = ""
    """Which environment pytest runs in, in words, where another could be expected."""
    compose: Compose | None = None
    workers: int = 0
    worker_slots: int = 0
    """Workers that all runs on this machine may have together; 0: no bound."""
    parent: str = ""
    """Record folder of the run that this one was started in."""
    select: str = ""
    """File of node ids to keep, in the record folder."""
    order_seed: str = ""
    """A number: the tests run in the random order that it stands for. Empty: as collected."""
    hunt: str = ""
    """Id of the hunt that this run is an attempt of."""
    attempt: int = 0
    """Which one, from 1."""
    on_end: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    ci: bool = False
    version: str = ""
    schema: int = field(default=SCHEMA)

    @property
    def short(self) -> str:
        """The last four hex digits of the id."""
        return self.id.rpartition("-")[2]


def from_json(data: dict[str, Any]) -> Run:
    """Read run.json. Unknown keys are left aside; `ValueError` when it is not one."""
    try:
        known = {f.name for f in fields(Run)}
        values = {key: value for key, value in data.items() if key in known}
        values["origin"] = Origin(**values.get("origin", {}))
        limits = values.get("limits", {})
        values["limits"] = Limits(
            **{f.name: limits[f.name] for f in fields(Limits) if f.name in limits}
        )
        compose = values.get("compose")
        if compose is not None:
            known = {f.name for f in fields(Compose)}
            compose = {key: value for key, value in compose.items() if key in known}
            compose["files"] = tuple(compose.get("files", ()))
            values["compose"] = Compose(**compose)
        for name in ("args", "argv", "on_end", "notify"):
            values[name] = tuple(values.get(name, ()))
        device, inode = values.get("lock", (0, 0))
        values["lock"] = (device, inode)
        return Run(**values)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        message = f"not a run.json: {error}"
        raise ValueError(message) from error
