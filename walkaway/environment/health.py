"""State of a checkout's environments: one row per container, with its present memory and CPU."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from walkaway.environment import diagnosis, engine, project_containers, teardown
from walkaway.environment.project_containers import Container

_UNITS = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4,
          "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}  # fmt: skip
_SIZE = re.compile(r"([0-9.]+)\s*([kKMGT]?i?B)")


@dataclass(frozen=True, slots=True)
class State:
    """One container of an environment. Sizes are in bytes; None means unknown."""

    slot: int
    service: str
    name: str
    status: str
    """healthy, unhealthy, starting, running, done, exited 1, …"""
    well: bool
    uptime_s: float | None
    restarts: int
    memory_bytes: int | None
    memory_limit_bytes: int | None
    """The container's own limit; None when it has none."""
    cpu_percent: float | None
    """Percent of one CPU."""
    ports: tuple[str, ...]
    """For example `127.0.0.1:8080->80/tcp`."""
    run: str
    """Id of the run that it belongs to; empty for a service."""
    one_off: bool
    """Made by `compose run`: a run's container, or a shell."""
    said: str
    """Output of the last health check, when the container is not healthy."""


def states(root: Path, environ: Mapping[str, str]) -> list[State]:
    """Return the containers of all environments of a checkout, sorted by slot and service.

    Takes two seconds, because live figures need two samples. `WalkawayError` 69 without an engine.
    """
    head = teardown.prefix(root)
    rows = [
        row
        for row in project_containers.all_of(head, environ)
        if row.project[len(head) :].isdigit()
    ]
    found = diagnosis.inspect([row.id for row in rows], environ)
    used = _used([row.id for row in rows if row.state == "running"], environ)
    known = [
        _state(row, int(row.project[len(head) :]), found[row.id], used.get(row.id, {}))
        for row in rows
        if row.id in found
    ]
    return sorted(known, key=lambda one: (one.slot, one.one_off, one.service, one.name))


def _used(ids: Sequence[str], environ: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    if not ids:
        return {}
    words = ("docker", "stats", "--no-stream", "--no-trunc", "--format", "{{json .}}", *ids)
    return {str(row.get("ID")): row for row in engine.rows(words, environ)}


def _state(
    row: Container, slot: int, inspected: Mapping[str, Any], used: Mapping[str, Any]
) -> State:
    state = inspected.get("State", {})
    health = (state.get("Health") or {}).get("Status")
    answer = diagnosis.health(inspected)
    status, well = _status(row, str(health or ""), int(state.get("ExitCode") or 0))
    limit = int((inspected.get("HostConfig") or {}).get("Memory") or 0)
    bound = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    return State(
        slot=slot,
        service=row.service,
        name=row.name,
        status=status,
        well=well or row.one_off,  # how tests ended says nothing about health
        uptime_s=_uptime(str(state.get("StartedAt") or "")) if row.running else None,
        restarts=int(inspected.get("RestartCount") or 0),
        memory_bytes=_bytes(str(used.get("MemUsage", "")).partition("/")[0]),
        memory_limit_bytes=limit or None,
        cpu_percent=_percent(str(used.get("CPUPerc", ""))),
        ports=tuple(
            f"{place.get('HostIp')}:{place.get('HostPort')}->{inside}"
            for inside, places in sorted(bound.items())
            for place in places or ()
        ),
        run=row.run,
        one_off=row.one_off,
        said=answer.output.strip() if answer and health != "healthy" else "",
    )


def _status(row: Container, health: str, code: int) -> tuple[str, bool]:
    if row.state == "running":
        return (health, health == "healthy") if health and health != "none" else ("running", True)
    if row.state == "exited":
        return ("done", True) if code == 0 else (f"exited {code}", False)
    return row.state, False


def _uptime(started: str) -> float | None:
    # `fromisoformat` cannot read nanoseconds.
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", started))
        return max(0.0, time.time() - moment.timestamp())
    return None


def _bytes(text: str) -> int | None:
    found = _SIZE.search(text)
    return int(float(found[1]) * _UNITS[found[2]]) if found and found[2] in _UNITS else None


def _percent(text: str) -> float | None:
    try:
        return float(text.rstrip("%"))
    except ValueError:
        return None
