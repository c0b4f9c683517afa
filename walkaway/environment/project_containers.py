"""List the containers of a Compose project with one `docker ps` (15 ms)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from walkaway.environment import engine
from walkaway.environment.project import COMPOSE_ONE_OFF, COMPOSE_PROJECT, COMPOSE_SERVICE

_COLUMNS = (
    "{{.ID}}", "{{.Names}}", "{{.State}}", "{{.Status}}", "{{.Image}}",
    f'{{{{.Label "{COMPOSE_PROJECT}"}}}}', f'{{{{.Label "{COMPOSE_SERVICE}"}}}}',
    f'{{{{.Label "{COMPOSE_ONE_OFF}"}}}}', '{{.Label "walkaway.run"}}',
)  # fmt: skip
_JUST_NOW = "Up Less than a second"
_EXITED = re.compile(r"Exited \((\d+)\)")


class ServiceState(Enum):
    """State of a service's container."""

    READY = "ready"
    DONE = "done"
    """Ended with 0, as a set-up service does."""
    STARTING = "starting"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a Compose project."""

    id: str
    name: str
    state: str
    """created, running, paused, restarting, removing, exited, dead."""
    status: str
    """`Up 3 minutes (healthy)`, `Exited (1) 2 seconds ago`."""
    image: str
    """Tag that it was made from; an id when the tag is another image by now."""
    project: str
    service: str
    one_off: bool
    """Made by `compose run`, so not part of the environment."""
    run: str
    """Id of the run that it belongs to."""

    @property
    def running(self) -> bool:
        """Whether it has processes."""
        return self.state in {"running", "paused", "restarting"}

    def standing(self, *, checked: bool) -> ServiceState:
        """Return its state. ``checked`` means that the Compose file gives it a health check."""
        if self.state == "running":
            if "(unhealthy)" in self.status:
                return ServiceState.BAD
            waits = "(health: starting)" in self.status or (
                checked and "(healthy)" not in self.status
            )
            # Without a health check, all we can require is that it has lived for a second.
            waits = waits or self.status == _JUST_NOW
            return ServiceState.STARTING if waits else ServiceState.READY
        if self.state == "exited":
            code = _EXITED.match(self.status)
            ended = code is not None and code[1] == "0" and not checked
            return ServiceState.DONE if ended else ServiceState.BAD
        # "restarting" is Docker's word for a container that ended and is about to be started again
        # by its restart policy.
        return (
            ServiceState.STARTING if self.state in {"created", "restarting"} else ServiceState.BAD
        )


def of(project: str, environ: Mapping[str, str]) -> list[Container]:
    """Return a project's containers, including ended ones. `WalkawayError` 69 without an engine."""
    return _listed(f"label={COMPOSE_PROJECT}={project}", environ)


def all_of(prefix: str, environ: Mapping[str, str]) -> list[Container]:
    """Return the containers of all projects whose name starts with ``prefix``."""
    found = _listed(f"label={COMPOSE_PROJECT}", environ)
    return [container for container in found if container.project.startswith(prefix)]


def _listed(criterion: str, environ: Mapping[str, str]) -> list[Container]:
    words = ("docker", "ps", "--all", "--no-trunc", "--filter", criterion, "--format")
    rows = engine.ask((*words, "\t".join(_COLUMNS)), environ).splitlines()
    found = []
    for row in rows:
        found_id, name, shown, status, image, project, service, one_off, run = row.split("\t")
        found.append(
            Container(
                found_id, name, shown, status, image, project, service, one_off == "True", run
            )
        )
    return found
