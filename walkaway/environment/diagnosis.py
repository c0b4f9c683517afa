"""Find out why services do not come up: which one, its health check and log, who has its port.

Called after a failure. Asks the engine first; Compose's own output is the last resort.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from walkaway.environment import engine, ports, project_containers
from walkaway.environment.compose_config import Composed
from walkaway.environment.project import Project
from walkaway.environment.project_containers import Container
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.text import printable

RESTARTS = 3
"""After so many restarts a service counts as looping and will not come up."""
_LOG_LINES = 15
_HEALTH_LINES = 5
_COLUMNS = 300
_NEVER = "no such image"
_INNOCENT = 9
_LOOP_S = 2.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Health:
    """The last result of a container's health check."""

    code: int
    streak: int
    """Consecutive failures."""
    output: str


def explained(
    project: Project,
    composed: Composed,
    names: Sequence[str],
    environ: Mapping[str, str],
    words: str,
) -> WalkawayError:
    """Return the error that says what is wrong. ``words`` is what Compose printed, if it failed."""
    silent = engine.silent_because(environ)
    if silent:
        return _error(f"The engine does not answer: {silent}", "Start it, then run again: inv up")
    rows = [row for row in project_containers.of(project.name, environ) if row.service in names]
    inspected = _between_starts([row.id for row in rows], environ)
    port = _port(inspected, words)
    if port:
        return port_taken(port[1], environ, f"Service {port[0]}" if port[0] else "A service")
    guilty = _guilty([row for row in rows if not row.one_off], composed, inspected)
    if guilty is not None:
        return _of_container(project, guilty, inspected[guilty.id], environ)
    for name in names:
        image = composed.services[name].image
        if not has_image(image, environ):
            return _error(
                f"Service {name} has no image: {image} is not here and cannot be pulled: "
                f"{_why(words)}",
                f"Pull it where that works, or name another in the Compose file, then run again: "
                f"{_again(project)}",
            )
    return _error(
        f"The services did not come up: {_why(words)}", f"Then run again: {_again(project)}"
    )


def port_taken(port: int, environ: Mapping[str, str], user: str) -> WalkawayError:
    """Return the error for a port that somebody else has."""
    holder = ports.owner(port, environ)
    by = f": {printable(holder, _COLUMNS)}" if holder else ""
    return _error(
        f"{user} cannot use port {port}: it is taken{by}",
        "Stop that, or publish another port: Walkaway's runs need no published port.",
    )


def has_image(image: str, environ: Mapping[str, str]) -> bool:
    """Return whether the engine has an image. Also True when the engine does not say."""
    done = engine.call(("docker", "image", "inspect", "--format", "-", image), environ)
    return done.code == 0 or _NEVER not in done.err.lower()


def restarts(rows: Sequence[Container], environ: Mapping[str, str]) -> int:
    """Return the restart count of the container that restarted most."""
    found = inspect([row.id for row in rows], environ)
    return max((int(one.get("RestartCount") or 0) for one in found.values()), default=0)


def inspect(ids: Sequence[str], environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the engine's data about containers, by id. Leaves out those that are gone."""
    if not ids:
        return {}
    done = engine.call(("docker", "inspect", "--type", "container", *ids), environ)
    try:
        return {str(found["Id"]): found for found in json.loads(done.out)}
    except (ValueError, KeyError):
        return {}


def health(inspected: Mapping[str, Any]) -> Health | None:
    """Return the last result of a health check; None when there is no check, or no result yet."""
    found = inspected.get("State", {}).get("Health") or {}
    answers = found.get("Log") or ()
    if not answers:
        return None
    last = answers[-1]
    return Health(
        int(last.get("ExitCode") or 0),
        int(found.get("FailingStreak") or 0),
        str(last.get("Output") or ""),
    )


def _port(inspected: Mapping[str, dict[str, Any]], words: str) -> tuple[str, int] | None:
    """Return the service that did not get its port, and the port."""
    for found in inspected.values():
        port = ports.taken(str(found["State"].get("Error") or ""))
        if port and found["State"].get("Status") == "created":
            return str(found["Config"]["Labels"].get("com.docker.compose.service", "")), port
    port = ports.taken(words)
    return ("", port) if port else None


def _guilty(
    rows: Sequence[Container], composed: Composed, inspected: Mapping[str, dict[str, Any]]
) -> Container | None:
    """Return the container to blame: one with a fault of its own, not only waiting for another."""
    ranks = {
        row: _rank(inspected[row.id], checked=composed.services[row.service].checked)
        for row in rows
        if row.id in inspected
    }
    worst = min(ranks, key=lambda row: ranks[row], default=None)
    return worst if worst is not None and ranks[worst] < _INNOCENT else None


def _rank(inspected: Mapping[str, Any], *, checked: bool) -> int:
    """Return how surely a container is the one to blame, 0 for most."""
    found = inspected["State"]
    status = found.get("Status")
    healthy = (found.get("Health") or {}).get("Status")
    signs = (
        status == "running" and healthy == "unhealthy",
        status in {"exited", "dead"} and bool(checked or found.get("ExitCode")),
        _loops(inspected),
        status == "created" and bool(found.get("Error")),
        status == "running" and healthy == "starting",
    )
    return signs.index(True) if True in signs else _INNOCENT


def _between_starts(ids: Sequence[str], environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Inspect containers. Wait for the end of one that loops: while it runs, its exit code is 0."""
    until = time.monotonic() + _LOOP_S
    while True:
        found = inspect(ids, environ)
        runs = [one for one in found.values() if one["State"].get("Status") == "running"]
        if not any(_loops(one) for one in runs) or time.monotonic() > until:
            return found
        time.sleep(_LOOK_S)


def _loops(inspected: Mapping[str, Any]) -> bool:
    """Return whether a container restarts again and again. It may even be running now."""
    often = int(inspected.get("RestartCount") or 0) >= RESTARTS
    return bool(often or inspected["State"].get("Status") == "restarting")


def _of_container(
    project: Project, row: Container, inspected: Mapping[str, Any], environ: Mapping[str, str]
) -> WalkawayError:
    found = inspected["State"]
    last = health(inspected)
    lines = [f"Service {row.service} {_what(inspected)}."]
    if last is not None and found.get("Running"):
        lines.append(f"its health check: exit {last.code}, {last.streak} failures in a row")
        lines += _indented(last.output, _HEALTH_LINES)
    logs = engine.call(("docker", "logs", "--tail", str(_LOG_LINES), row.id), environ)
    log_lines = _indented(logs.out + logs.err, _LOG_LINES)
    lines += ["the last lines of its log:", *log_lines] if log_lines else ["it has logged nothing"]
    more = f"inv service-logs --service {row.service}" + _slot(project)
    return _error(*lines, f"Fix it, then run again: {_again(project)}   whole log: {more}")


def _what(inspected: Mapping[str, Any]) -> str:
    found = inspected["State"]
    if found.get("OOMKilled"):
        return "ran out of memory"
    if _loops(inspected):
        return f"keeps exiting (exit {found.get('ExitCode')})"
    if found.get("Status") in {"exited", "dead"}:
        return f"has exited (exit {found.get('ExitCode')})"
    if found.get("Status") == "created":
        return f"could not be started: {printable(str(found.get('Error')), _COLUMNS)}"
    if (found.get("Health") or {}).get("Status") == "starting":
        return "did not become healthy in time"
    return "is unhealthy"


def _indented(text: str, most: int) -> list[str]:
    lines = [printable(line, _COLUMNS) for line in text.splitlines()]
    return [f"  {line}" for line in lines if line.strip()][-most:]


def _why(words: str) -> str:
    """Return the last line of Compose's output that gives a reason."""
    lines = [printable(line, _COLUMNS).strip() for line in words.splitlines()]
    lines = [line for line in lines if line]
    telling = [line for line in lines if "error" in line.lower() or "failed" in line.lower()]
    return (telling or lines or ["no output"])[-1]


def _slot(project: Project) -> str:
    return f" --slot {project.slot}" if project.slot > 1 else ""


def _again(project: Project) -> str:
    return f"inv up{_slot(project)}"


def _error(*lines: str) -> WalkawayError:
    return WalkawayError("\n".join(lines), exit_codes.NOT_STARTABLE)
