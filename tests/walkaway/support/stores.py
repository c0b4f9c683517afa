"""Postgres and Redis for tests: a container each, once per session for all of its workers.

Nothing is left: the last worker that leaves removes them, and a session that is killed leaves
containers that end, and are removed, by themselves. Tests that use them carry the marker `engine`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.walkaway.support.engine import PREFIX, docker, engine_environ
from tests.walkaway.support.waiting import wait_for

LIFE_S = 5400
"""After which a container ends by itself; a session of the suite takes less, on any machine."""
LABEL = "walkaway-ci-store"


@dataclass(frozen=True, slots=True)
class Store:
    """What is run, and the command that succeeds in the container as soon as it answers."""

    name: str
    image: str
    port: int
    command: tuple[str, ...]
    options: tuple[str, ...]
    probe: tuple[str, ...]
    url: str


POSTGRES = Store(
    "postgres",
    "postgres:15-alpine",
    5432,
    ("postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
     "-c", "autovacuum=off"),  # its commits are nobody's
    ("--tmpfs", "/var/lib/postgresql/data", "--shm-size", "128m",
     "-e", "POSTGRES_PASSWORD=postgres", "-e", "POSTGRES_DB=gaia_test"),
    # Over TCP: while the official image makes the database, only the socket answers.
    ("pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "gaia_test"),
    "postgresql://postgres:postgres@127.0.0.1:{port}/gaia_test",
)  # fmt: skip
REDIS = Store(
    "redis",
    "redis:7-alpine",
    6379,
    ("redis-server", "--save", "", "--appendonly", "no"),
    ("--tmpfs", "/data"),
    ("redis-cli", "-e", "ping"),
    "redis://127.0.0.1:{port}/1",
)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`postgresql://…/gaia_test` of an empty Postgres 15, as a superuser."""
    with shared(POSTGRES, _common(tmp_path_factory)) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`redis://…/1` of an empty Redis 7."""
    with shared(REDIS, _common(tmp_path_factory)) as url:
        yield url


@contextlib.contextmanager
def shared(store: Store, folder: Path) -> Iterator[str]:
    """Run a store for as long as anyone is in here with the same folder."""
    note = folder / f"{store.name}.url"
    with (folder / f"{store.name}.users").open("w") as users:
        with _alone(folder / f"{store.name}.lock"):
            if not note.exists():
                note.write_text(json.dumps(_started(store)), encoding="utf-8")
            name, url = json.loads(note.read_text(encoding="utf-8"))
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield url
        finally:
            with _alone(folder / f"{store.name}.lock"):
                # Not a change of the lock held: that could drop it and fail.
                fcntl.flock(users, fcntl.LOCK_UN)
                with contextlib.suppress(BlockingIOError):  # another worker still uses it
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    note.unlink()
                    docker("rm", "--force", "--volumes", name)


def _common(factory: pytest.TempPathFactory) -> Path:
    """Return the temporary folder that all workers of a session have."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _started(store: Store) -> tuple[str, str]:
    """Start a container of the store; its name and the URL, once it answers."""
    environ = engine_environ()
    image = environ.get(f"{store.name.upper()}_IMAGE", store.image)
    if docker("image", "inspect", image, check=False).returncode:
        docker("pull", "--quiet", image, timeout_s=600)
    entry = docker("image", "inspect", "-f", "{{json .Config.Entrypoint}}", image).stdout
    command = (str(LIFE_S), *(json.loads(entry) or ()), *store.command)
    name = f"{PREFIX}{store.name}-{secrets.token_hex(4)}"
    docker("run", "--detach", "--rm", "--init", "--name", name, "--label", LABEL,
           "--publish", f"127.0.0.1::{store.port}", *store.options,
           "--entrypoint", "timeout", image, *command)  # fmt: skip
    try:
        wait_for(lambda: docker("exec", name, *store.probe, check=False).returncode == 0, name)
        port = docker("port", name, str(store.port)).stdout.split()[0].rpartition(":")[2]
    except BaseException:
        docker("rm", "--force", "--volumes", name, check=False)
        raise
    return name, store.url.format(port=port)
