"""A project whose tests use a database and Redis of a leased environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.walkaway.backends.conftest import boxed_project
from tests.walkaway.support.engine import docker
from walkaway.environment.project import Project as Environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.walkaway.support.project import Project

QUICK = """\
      interval: 500ms
      timeout: 5s
      retries: 60
"""
DATABASE = """\
  db:
    image: ${POSTGRES_IMAGE:-postgres:15-alpine}
    init: true
    command: [postgres, -c, fsync=off]
    environment: { POSTGRES_PASSWORD: secret, POSTGRES_DB: app }
    tmpfs: [/var/lib/postgresql/data]
    labels: { walkaway.reset: postgres }
    healthcheck:
      test: [CMD-SHELL, 'pg_isready -q -h 127.0.0.1 -U postgres -d app']
"""
REDIS = """\
  redis:
    image: ${REDIS_IMAGE:-redis:7-alpine}
    init: true
    labels: { walkaway.reset: redis }
    healthcheck:
      test: [CMD-SHELL, 'redis-cli -h 127.0.0.1 ping']
"""
USES_REDIS = """\
import os, socket, time, uuid

MARK = uuid.uuid4().hex

def redis(*words):
    with socket.create_connection(("redis", 6379), 5) as there:
        there.sendall((" ".join(words) + "\\r\\n").encode())
        return there.recv(1000).decode()

def test_the_environment_is_fresh():
    assert redis("GET", "mark").strip() == "$-1"

def test_nobody_else_is_here():
    redis("SET", "mark", MARK)
    until = time.monotonic() + 100
    gate = os.environ.get("GATE", "tests/gate")
    while not os.path.exists(gate) and time.monotonic() < until:
        time.sleep(0.02)
    assert MARK in redis("GET", "mark")
"""


def leased_project(root: Path, image: str, *, slots: int = 2, database: bool = False) -> Project:
    """Make a project with Redis, and a database if it is wanted."""
    services = {"db": DATABASE, "redis": REDIS} if database else {"redis": REDIS}
    needs = "".join(f"      {name}: {{ condition: service_healthy }}\n" for name in services)
    more = "".join(text + QUICK for text in services.values())
    project = boxed_project(root, image, USES_REDIS, more=f"    depends_on:\n{needs}{more}")
    given_slots(project, slots)
    return project


def given_slots(project: Project, slots: int) -> None:
    project.write("invoke.yaml", f"walkaway: {{backend: compose, slots: {slots}}}\n")


def service(project: Project, slot: int, name: str) -> str:
    """Return the container of a service in an environment."""
    where = Environment(project.root, slot).name
    labels = (f"com.docker.compose.project={where}", f"com.docker.compose.service={name}")
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    return docker("ps", "-q", *filters).stdout.strip()


def sql(project: Project, slot: int, words: str) -> str:
    """Ask an environment's database."""
    psql = ("psql", "-qAtX", "-h", "127.0.0.1", "-U", "postgres", "app", "-c", words)
    where = service(project, slot, "db")
    return docker("exec", "-e", "PGPASSWORD=secret", where, *psql).stdout.strip()


def redis(project: Project, slot: int, *words: str) -> str:
    """Ask an environment's Redis."""
    return docker("exec", service(project, slot, "redis"), "redis-cli", *words).stdout.strip()
