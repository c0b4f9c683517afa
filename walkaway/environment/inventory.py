"""List what the engine has under names like ours: containers, networks, volumes, images."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from walkaway.environment import engine
from walkaway.environment.project import (
    COMPOSE_FOLDER,
    COMPOSE_PROJECT,
    LABEL_CHECKOUT,
    LABEL_RUN,
    PREFIX,
)

IMAGE = f"{PREFIX}-test"
_PROJECT = re.compile(rf"{PREFIX}-([0-9a-f]{{8}})-(?:0|[1-9][0-9]{{0,2}})")
_TAG = re.compile(rf"{IMAGE}:([0-9a-f]{{8}})")
_RUN_ID = r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}"


class Kind(StrEnum):
    """Kinds of things, in the order in which they can be removed."""

    CONTAINER = "container"
    NETWORK = "network"
    VOLUME = "volume"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something made by a checkout of ours, judging by its name and, if any, its label."""

    kind: Kind
    id: str
    """Id to remove it by, and nothing newer of the same name. A volume only has its name."""
    name: str
    checkout: str
    """Hash of the checkout, from the name."""
    path: str = ""
    """Path of the checkout, from the label; empty without a label."""
    run: str = ""
    """Id of the run whose tests run in it; empty for a service."""
    running: bool = False
    made_s: float = 0.0
    """Wall-clock time, seconds since the epoch."""

    @property
    def title(self) -> str:
        """Return kind and name, because a network may have the name of a container."""
        return f"{self.kind} {self.name}"


def containers(environ: Mapping[str, str]) -> list[Thing]:
    """Return the containers of our projects, in every state. One call, some 15 ms."""
    labels = (COMPOSE_PROJECT, LABEL_CHECKOUT, COMPOSE_FOLDER, LABEL_RUN)
    fields = ("ID", "Names", "State", "CreatedAt")
    argv = ("docker", "ps", "--all", "--no-trunc", *_labelled())
    found = []
    for row in _rows(argv, environ, fields, labels):
        ident, name, state, made, project, checkout, folder, run = row
        owner = _owner(project)
        if owner and _is_containers(name, project, owner, run):
            found.append(
                Thing(
                    Kind.CONTAINER, ident, name, owner, checkout or folder, run,
                    running=state not in {"exited", "dead", "created"}, made_s=_seconds(made),
                )
            )  # fmt: skip
    return found


def others(environ: Mapping[str, str]) -> list[Thing]:
    """Return the networks and volumes of our projects, and our test images."""
    found = []
    for kind, field in ((Kind.NETWORK, "ID"), (Kind.VOLUME, "Name")):
        argv = ("docker", kind, "ls", *(("--no-trunc",) if field == "ID" else ()), *_labelled())
        for ident, name, project in _rows(argv, environ, (field, "Name"), (COMPOSE_PROJECT,)):
            owner = _owner(project)
            if owner and name.startswith(f"{project}_"):
                found.append(Thing(kind, ident, name, owner))
    argv = ("docker", "image", "ls", "--no-trunc", "--filter", f"reference={IMAGE}")
    for repository, tag in _rows(argv, environ, ("Repository", "Tag"), ()):
        name = f"{repository}:{tag}"
        match = _TAG.fullmatch(name)
        if match:
            found.append(Thing(Kind.IMAGE, name, name, match[1]))
    return found


def _labelled() -> tuple[str, str]:
    return ("--filter", f"label={COMPOSE_PROJECT}")


def _owner(project: str) -> str:
    """Return the checkout's hash in a project name; empty when the project is not ours."""
    match = _PROJECT.fullmatch(project)
    return match[1] if match else ""


def _is_containers(name: str, project: str, owner: str, run: str) -> bool:
    """Return whether Compose or we would give a container this name."""
    if run:
        return re.fullmatch(rf"{PREFIX}-{owner}-{_RUN_ID}-[0-9]+", name) is not None
    return name.startswith(f"{project}-")


def _rows(
    argv: Sequence[str], environ: Mapping[str, str], fields: Sequence[str], labels: Sequence[str]
) -> list[list[str]]:
    """Query fields and labels, each as JSON: a path may contain commas, tabs and newlines."""
    parts = [f"{{{{json .{field}}}}}" for field in fields]
    parts += [f'{{{{json (.Label "{label}")}}}}' for label in labels]
    text = engine.ask((*argv, "--format", f"[{','.join(parts)}]"), environ)
    return [[str(value or "") for value in json.loads(line)] for line in text.splitlines()]


def _seconds(text: str) -> float:
    """Parse `2026-11-22 20:07:41 +0000 UTC`; now if it is anything else, because young is safe."""
    try:
        return datetime.strptime(text[:25], "%Y-%m-%d %H:%M:%S %z").timestamp()
    except ValueError:
        return datetime.now(UTC).timestamp()
