"""A service is fresh only when it says so itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.engine import docker, engine_environ
from walkaway.environment import reset
from walkaway.environment.project import COMPOSE_PROJECT, LABEL_RESET, Project
from walkaway.errors import WalkawayError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
REFUSES = "printf '#!/bin/sh\\necho NOAUTH Authentication required.\\n' >/usr/bin/redis-cli; "
READY = "chmod +x /usr/bin/redis-cli; touch /ready; exec sleep 100"
IMAGE = "python:3.11-slim"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(tmp_path)
    yield found
    label = f"label={COMPOSE_PROJECT}={found.name}"
    for container in docker("ps", "-aq", "--filter", label).stdout.split():
        docker("rm", "--force", container)


def postgres(project: Project, **variables: str) -> str:
    """Start a Postgres that is well when this returns."""
    labels = ("--label", f"{COMPOSE_PROJECT}={project.name}", "--label", f"{LABEL_RESET}=postgres")
    given = ["-e", "POSTGRES_PASSWORD=x"]
    given += [word for name in variables for word in ("-e", f"{name}={variables[name]}")]
    image = engine_environ().get("POSTGRES_IMAGE", "postgres:15-alpine")
    memory = ("--tmpfs", "/var/lib/postgresql/data")
    made = docker("run", "-d", "--init", *labels, *memory, *given, image).stdout.strip()
    ready = "until pg_isready -q -h 127.0.0.1 -U postgres; do sleep 0.1; done"
    docker("exec", made, "sh", "-c", ready, timeout_s=30)
    return made


def sql(container: str, words: str, database: str) -> str:
    psql = ("psql", "-qAtX", "-h", "127.0.0.1", "-U", "postgres", database, "-c", words)
    return docker("exec", "-e", "PGPASSWORD=x", container, *psql).stdout.strip()


def names(container: str, database: str) -> list[str]:
    found = sql(container, "SELECT datname FROM pg_database WHERE NOT datistemplate", database)
    return sorted(name for name in found.split() if not name.endswith("__walkaway"))


@pytest.mark.parametrize("database", ["postgres", "app's"])
def test_databases_are_as_they_were_and_no_other_is_left(project: Project, database: str) -> None:
    own = {} if database == "postgres" else {"POSTGRES_DB": database}
    container = postgres(project, **own)
    sql(container, "CREATE ROLE guest", database)
    sql(container, "CREATE DATABASE second OWNER guest", database)
    sql(container, "CREATE TABLE kept (n int)", database)
    reset.keep(project, engine_environ())
    before = names(container, database)
    sql(container, 'CREATE DATABASE "worker 1"', database)
    for dirty in (database, "second"):
        sql(container, "CREATE TABLE dirt (n int)", dirty)
    reset.keep(project, engine_environ())  # what is kept already stays
    reset.reset(project, engine_environ())
    assert names(container, database) == before
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert (sql(container, tables, database), sql(container, tables, "second")) == ("kept", "")
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'second'"
    assert sql(container, owner, database) == "guest"


def test_without_a_copy_nothing_is_dropped(project: Project) -> None:
    container = postgres(project, POSTGRES_DB="app")
    with pytest.raises(WalkawayError, match="no copy of the database was kept"):
        reset.reset(project, engine_environ())
    assert "app" in names(container, "postgres")


def service(project: Project, script: str) -> str:
    """Start a container that says it is a Redis; it is ready when this returns."""
    labels = ("--label", f"{COMPOSE_PROJECT}={project.name}", "--label", f"{LABEL_RESET}=redis")
    made = docker("run", "-d", "--init", *labels, IMAGE, "sh", "-c", script).stdout.strip()
    docker("exec", made, "sh", "-c", "until [ -e /ready ]; do sleep 0.05; done", timeout_s=20)
    return made


def test_a_redis_that_refuses_is_not_fresh(project: Project) -> None:
    service(project, REFUSES + READY)  # redis-cli ends with 0 all the same
    with pytest.raises(WalkawayError, match="NOAUTH Authentication required"):
        reset.reset(project, engine_environ())


def test_a_service_that_does_not_run_is_not_fresh(project: Project) -> None:
    container = service(project, "printf '#!/bin/sh\\necho OK\\n' >/usr/bin/redis-cli; " + READY)
    reset.reset(project, engine_environ())
    docker("kill", container)
    with pytest.raises(WalkawayError, match="could not be reset"):
        reset.reset(project, engine_environ())
