"""Scratch projects with a Compose file and a real engine; nothing of them is left."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import TYPE_CHECKING, Any

from tests.walkaway.support.engine import docker
from tests.walkaway.support.project import Project, made, tidied
from walkaway.environment.project import Project as Named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = "python:3.11-slim"
DOCKERFILE = f"FROM {IMAGE}\nCOPY . /app\nWORKDIR /app\n"
WELL = f"""\
    image: {IMAGE}
    command: [sleep, "600"]
    init: true
    healthcheck: {{test: [CMD, "true"], interval: 200ms, retries: 3}}
"""
"""A service that is well at once."""
SICK = f"""\
    image: {IMAGE}
    command: [sh, -c, "echo the log of sick; exec sleep 600"]
    init: true
    healthcheck: {{test: [CMD-SHELL, "echo no such table; exit 7"], interval: 200ms, retries: 2}}
"""
TEST = """\
  test:
    image: ${WALKAWAY_TEST_IMAGE:-x}
    build: .
    profiles: [test]
    init: true
"""


def compose_file(*names: str, **services: str) -> str:
    """Return a Compose file with a test service that depends on ``names``, and these services."""
    text = "services:\n" + TEST
    if names:
        text += f"    depends_on: [{', '.join(names)}]\n"
    return text + "".join(f"  {name}:\n{body}" for name, body in services.items())


@contextlib.contextmanager
def composed(root: Path, text: str = "", dockerfile: str = DOCKERFILE) -> Iterator[Project]:
    """Make a project with a Compose file; remove all that it made of containers and images."""
    with tidied(made(root)) as project:
        project.write("docker-compose.yml", text or compose_file("db", db=WELL))
        named = Named(root)
        # Of its own: the engine gives images of the same contents the same id.
        project.write("Dockerfile", f"{dockerfile}LABEL walkaway.test={named.checkout}\n")
        project.write(".dockerignore", "logs\n**/__pycache__\ngate\n")
        try:
            yield project
        finally:
            remove(named)
            assert not things(named), f"left behind: {things(named)}"


def things(named: Named) -> list[str]:
    """Return containers, networks, volumes and images of a checkout, of any slot."""
    found = []
    label = "label=com.docker.compose.project"
    for kind, *options in (("container", "--all"), ("network",), ("volume",)):
        columns = '{{.Name}} {{.Label "com.docker.compose.project"}}'
        if kind == "container":
            columns = columns.replace(".Name", ".Names")
        rows = docker(kind, "ls", *options, "--filter", label, "--format", columns).stdout
        for row in rows.splitlines():
            name, _, project = row.partition(" ")
            if project.startswith(f"walkaway-{named.checkout}-"):
                found.append(f"{kind} {name}")
    images = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    found += [f"image {name}" for name in images if named.checkout in name]
    words = ("image", "ls", "--quiet", "--filter", f"label=walkaway.test={named.checkout}")
    untagged = docker(*words, "--filter", "dangling=true").stdout.split()
    return found + [f"image {name}" for name in untagged]


def remove(named: Named) -> None:
    """Remove all that `things` finds, but for what the engine is removing by itself."""
    by_kind = itertools.groupby((thing.split() for thing in things(named)), key=lambda row: row[0])
    for kind, rows in by_kind:
        with_it = ("--volumes",) if kind == "container" else ()  # those without a name, too
        docker(kind, "rm", "--force", *with_it, *(name for _, name in rows), check=False)


def inspect(name: str) -> dict[str, Any]:
    """Return what the engine knows of a container."""
    found: dict[str, Any] = json.loads(docker("inspect", name).stdout)[0]
    return found
