"""Projects whose tests run in a container of the test image, on a real engine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.backends.away import second_engine
from tests.walkaway.support.engine import built_image, docker, engine_environ
from tests.walkaway.support.project import QUICK, Project, made, tidied
from walkaway.environment.project import COMPOSE_PROJECT, LABEL_CHECKOUT, PREFIX, checkout_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["built_image", "second_engine"]

COMPOSE = """
services:
  test:
    image: {image}
    init: true
    stop_signal: SIGINT
    user: "${{WALKAWAY_UID:-1000}}:${{WALKAWAY_GID:-1000}}"
    working_dir: /app
    environment: {{ HOME: /tmp, PYTHONPATH: /app, PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1" }}
    mem_limit: {memory}
    memswap_limit: {memory}
    volumes:
      - ./tests:/app/tests
      - ./pytest.ini:/app/pytest.ini:ro
"""
ALONE = "    network_mode: none\n"
"""Without services no network has to be made and removed with each run."""


def boxed_project(
    root: Path, image: str, source: str = QUICK, memory: str = "400m", more: str = ALONE
) -> Project:
    """Make a project whose test service runs the given image, without other services."""
    project = made(root, source)
    project.write("docker-compose.yml", COMPOSE.format(image=image, memory=memory) + more)
    project.write("invoke.yaml", "walkaway: {backend: compose, without_services: [.]}\n")
    project.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider -p no:randomly\n")
    project.environ.update(
        {key: value for key, value in engine_environ().items() if key.endswith("_IMAGE")}
    )
    return project


def left_in_engine(root: Path) -> list[str]:
    """Return what the engine still has of a checkout: kind and name."""
    ours = {f"{PREFIX}-{checkout_hash(root)}-{slot}" for slot in range(4)}
    labels = f'{{{{.Label "{COMPOSE_PROJECT}"}}}} {{{{.Label "{LABEL_CHECKOUT}"}}}}'
    found = []
    for kind, key, *more in (
        ("container", ".ID", "--all"),
        ("network", ".ID"),
        ("volume", ".Name"),
    ):
        rows = docker(kind, "ls", *more, "--format", f"{{{{{key}}}}} {labels}").stdout
        for row in rows.splitlines():
            name, project, checkout = row.split(" ", 2)
            if project in ours or checkout == str(root):
                found.append(f"{kind} {name}")
    return found


def removed_from_engine(root: Path) -> list[str]:
    """Remove what the engine still has of a checkout, and return what that was."""
    left = left_in_engine(root)
    for thing in left:
        kind, name = thing.split()
        docker(kind, "rm", "--force", name, check=False)
    return left


@contextlib.contextmanager
def cleaned(project: Project) -> Iterator[Project]:
    """End a project's runs, and fail when the engine has something left of them."""
    try:
        with tidied(project):
            yield project
    finally:
        left = removed_from_engine(project.root)
    assert not left, f"left in the engine: {left}"


@pytest.fixture
def boxed(tmp_path: Path, built_image: str) -> Iterator[Project]:
    """A project in Compose, without services. Afterwards nothing of it is left anywhere."""
    with cleaned(boxed_project(tmp_path / "a project", built_image)) as project:
        yield project
