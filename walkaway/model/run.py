"""The contents of run.json: what was started, where, and with which limits.

Named tuples, since the supervisor holds a `Run` too: importing dataclasses would cost it 1 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SCHEMA = 1
MB = 1024 * 1024


class Limits(NamedTuple):
    """Limits of a run, in seconds and bytes.

    0 switches a limit off, except for `log_*_bytes`; settings refuse it for `deadline_s` and
    `grace_s`.
    """

    deadline_s: float = 4 * 3600.0
    stall_s: float = 600.0
    linger_s: float = 30.0
    """How long a process may stay idle after pytest's end."""
    output_bytes: int = 8192 * MB
    """How much pytest may print in total before the run is ended."""
    capture_bytes: int = 1024 * MB
    """How much one test may print into pytest's capture file."""
    log_head_bytes: int = 16 * MB
    """How much of a huge log's head is kept (tail: `log_tail_bytes`); the middle is freed."""
    log_tail_bytes: int = 64 * MB
    disk_floor_bytes: int = 64 * MB
    """Free disk space below which a run that fills the disk by itself is ended."""
    grace_s: float = 10.0
    """Time between INT and TERM; half of it between TERM and KILL."""


class Origin(NamedTuple):
    """What started a run. ``kind`` is agent, terminal, shell, ci, run or hunt."""

    kind: str = "shell"
    key: str = ""
    """Equal keys mean the same origin."""


class Compose(NamedTuple):
    """What a Compose run needs besides its command."""

    service: str = "test"
    files: tuple[str, ...] = ()
    """Compose files as configured, relative to the root; empty: Compose finds its own."""
    slots: int = 1
    """How many environments of the checkout may be up at the same time."""
    services: bool = True
    """Whether the tests need the services; then the run leases an environment."""
    only_build: bool = False
    """Build the image and run nothing."""
    no_cache: bool = False
    pull: bool = False
    engine: Mapping[str, str] = {}
    """Environment variables that name the engine: whoever adopts the run may have others set."""


class Run(NamedTuple):
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
    """Seconds since boot at the start: the zero of every `t` in the record."""
    boot_id: str = ""
    host: str = ""
    lock: tuple[int, int] = (0, 0)
    """Device and inode of supervisor.lock."""
    key: str = ""
    """Runs with equal keys on equal trees are identical."""
    label: str = ""
    """Task options and pytest arguments in one line, for display."""
    origin: Origin = Origin()
    limits: Limits = Limits()
    backend: str = "local"
    named: bool = False
    """Whether there was a choice of backends, so output says which one is used."""
    fell_back: str = ""
    """Why `auto` chose local, in a few words; empty when it did not."""
    python: str = ""
    """A note on which environment pytest runs in, if one might expect another."""
    compose: Compose | None = None
    workers: int = 0
    worker_slots: int = 0
    """How many workers all runs on this machine may have together; 0: no bound."""
    parent: str = ""
    """The record folder of the run that this one was started in."""
    select: str = ""
    """The file of node ids to keep, in the record folder."""
    order_seed: str = ""
    """The seed of the random test order, a number; empty: as collected."""
    hunt: str = ""
    """The id of the hunt that this run is an attempt of."""
    attempt: int = 0
    """The attempt's number, from 1."""
    on_end: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    ci: bool = False
    version: str = ""
    schema: int = SCHEMA

    @property
    def short(self) -> str:
        """The last four hex digits of the id."""
        return self.id.rpartition("-")[2]


def to_json(run: Run) -> dict[str, Any]:
    """Return the contents of run.json."""
    compose = run.compose and {**run.compose._asdict(), "engine": dict(run.compose.engine)}
    return {
        **run._asdict(),
        "origin": run.origin._asdict(),
        "limits": run.limits._asdict(),
        "compose": compose,
    }


def from_json(data: dict[str, Any]) -> Run:
    """Return the run in the contents of run.json. Unknown keys are ignored.

    Raises `ValueError` when the contents are invalid.
    """
    try:
        values = {key: value for key, value in data.items() if key in Run._fields}
        values["origin"] = Origin(**values.get("origin", {}))
        limits = values.get("limits", {})
        values["limits"] = Limits(
            **{key: value for key, value in limits.items() if key in Limits._fields}
        )
        compose = values.get("compose")
        if compose is not None:
            compose = {key: value for key, value in compose.items() if key in Compose._fields}
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
