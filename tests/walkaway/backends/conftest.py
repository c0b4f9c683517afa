"""Projects whose tests run in a container of the test image, on a real engine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.backends.away import away, second_engine
from tests.walkaway.support.engine import built_image, docker, engine_environ
from tests.walkaway.support.project import QUICK, Project, made, tidied
from walkaway.environment.project import COMPOSE_PROJECT, LABEL_CHECKOUT, PREFIX, checkout_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["away", "built_image", "second_engine"]

COMPOSE = """
services:
  test:
    image: {image}
    init: true
    stop_signal: SIGINT
    user: "${{WALKAWAY_UID:-1000}}:${{WALKAWAY_GID:-1000}}"
    working_dir: /app
    environment: {{ HOME: /tmp, PYTHONPATH: /app }}
    mem_limit: {memory}
    memswap_limit: {memory}
    volumes:
      - ./tests:/app/tests
      - ./pytest.ini:/app/pytest.ini:ro
"""


def boxed_project(root: Path, image: str, source: str = QUICK, memory: str = "400m") -> Project:
    """Make a project whose test service runs the given image, without other services."""
    project = made(root, source)
    project.write("docker-compose.yml", COMPOSE.format(image=image, memory=memory))
    project.write("invoke.yaml", "walkaway: {backend: compose, without_services: [.]}\n")
    project.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider -p no:randomly\n")
    project.environ.update(
        {key: value for key, value in engine_environ().items() if key.endswith("_IMAGE")}
    )
    return project


def left_in_engine(root: Path) -> list[str]:
    """Return what the engine still has of a checkout: kind and name."""
    found = []
    for filters in (
        ("container", "--all", f"label={LABEL_CHECKOUT}={root}"),
        *[
            (kind, *more, f"label={COMPOSE_PROJECT}={PREFIX}-{checkout_hash(root)}-{slot}")
            for kind, *more in (("container", "--all"), ("network",), ("volume",))
            for slot in range(4)
        ],
    ):
        kind, *more, label = filters
        names = docker(kind, "ls", "-q", *more, "--filter", label).stdout.split()
        found += [f"{kind} {name}" for name in names]
    return list(dict.fromkeys(found))


def remove_from_engine(root: Path) -> None:
    for thing in left_in_engine(root):
        kind, name = thing.split()
        docker(kind, "rm", "--force", name, check=False)


@contextlib.contextmanager
def cleaned(project: Project) -> Iterator[Project]:
    """End a project's runs, and fail when the engine has something left of them."""
    try:
        with tidied(project):
            yield project
        left = left_in_engine(project.root)
    finally:
        remove_from_engine(project.root)
    assert not left, f"left in the engine: {left}"


@pytest.fixture
def boxed(tmp_path: Path, built_image: str) -> Iterator[Project]:
    """A project in Compose, without services. Afterwards nothing of it is left anywhere."""
    with cleaned(boxed_project(tmp_path / "a project", built_image)) as project:
        yield project
