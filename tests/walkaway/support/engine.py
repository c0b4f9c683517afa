"""A real Docker engine for tests: the test image, built once, and environments that leave nothing.

Which tests need it is what the marker `engine` says; tests/walkaway/support/needing.py skips them
where no engine answers.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY, clean_environment

PREFIX = "walkaway-ci-"
CALL_S = 120.0
BUILD_S = 900.0
_KINDS = (("container", "--all"), ("network",), ("volume",))
_PARTS = ("app", "walkaway", "tests/__init__.py", "tests/conftest.py", "tests/fixtures",
          "tests/unit", "tests/integration", "tests/e2e", "pytest.ini", "pyproject.toml",
          "docker-compose.yml", "docker-compose.ports.yml", "Dockerfile.test", ".dockerignore",
          "requirements.txt", "requirements-test.txt", "requirements-dev.txt",
          "logs/.gitignore")  # fmt: skip


def test_image_name() -> str:
    """Return the tag of this checkout's test image; not the one that its user builds."""
    mine = hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:8]
    return f"walkaway-ci-test:{mine}"


@cache
def _images() -> Mapping[str, str]:
    """Return the base images: those of the environment, else what `.ci/engine` has made."""
    found = {}
    for name, made in (
        ("POSTGRES_IMAGE", "walkaway-postgres:15"),
        ("REDIS_IMAGE", "walkaway-redis:7"),
    ):
        there = docker("image", "inspect", made, check=False).returncode == 0
        if name not in os.environ and there:
            found[name] = made
    return found


def engine_environ() -> dict[str, str]:
    """Return the environment for docker and the tasks: images given, the user's own UID."""
    return {
        **clean_environment(),
        **_images(),
        "WALKAWAY_TEST_IMAGE": test_image_name(),
        "WALKAWAY_UID": str(os.getuid()),
        "WALKAWAY_GID": str(os.getgid()),
        "COMPOSE_PROGRESS": "plain",
    }


def docker(
    *args: str,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    timeout_s: float = CALL_S,
    text: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a docker command to its end; shows what it said when it failed."""
    done = subprocess.run(
        ["docker", *args],
        env=clean_environment() if environ is None else environ,
        cwd=cwd,
        input=text or "",
        capture_output=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"docker {' '.join(args)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


@dataclass(frozen=True, slots=True)
class Environment:
    """A Compose project in a copy of what this checkout's environment is made of."""

    project: str
    root: Path
    environ: Mapping[str, str]
    files: tuple[str, ...] = ("docker-compose.yml",)

    def compose(
        self, *args: str, check: bool = True, timeout_s: float = CALL_S
    ) -> subprocess.CompletedProcess[str]:
        files = [word for name in self.files for word in ("-f", name)]
        return docker(
            "compose", "-p", self.project, *files, *args,
            environ=self.environ, cwd=self.root, check=check, timeout_s=timeout_s,
        )  # fmt: skip

    def up(self) -> None:
        """Bring all services up, healthy; what they said when they are not."""
        if self.compose("up", "-d", "--wait", check=False).returncode:
            said = self.compose("logs", "--tail", "20", check=False).stdout
            pytest.fail(f"not healthy: {self.compose('ps', '--all').stdout}\n{said}")

    def test(
        self, *command: str, options: Sequence[str] = (), check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the test service, beside what is up."""
        return self.compose("run", "--rm", "-T", "--no-deps", *options, "test", *command,
                            check=check)  # fmt: skip

    def left(self) -> list[str]:
        """Return what of the project is there: kind and name."""
        label = f"label=com.docker.compose.project={self.project}"
        found = []
        for kind, *options in _KINDS:
            names = docker(kind, "ls", "-q", *options, "--filter", label).stdout.split()
            found += [f"{kind} {name}" for name in names]
        return found

    def remove(self) -> None:
        """Remove all that carries the project's label; `left` says whether it is gone."""
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "2", check=False)
        for thing in self.left():
            kind, name = thing.split()
            docker(kind, "rm", "--force", name, check=False)


def scratch_project(target: Path) -> Path:
    """Copy what the environment is made of, with a `logs` that belongs to this user."""
    for name in _PARTS:
        source, copy = REPOSITORY / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)
    return target


@contextlib.contextmanager
def environment(
    root: Path, *, files: Sequence[str] = ("docker-compose.yml",), **environ: str
) -> Iterator[Environment]:
    """Make an environment with a name of its own, not yet up; afterwards nothing of it is left."""
    name = f"{PREFIX}{secrets.token_hex(4)}"
    made = Environment(name, root, engine_environ() | environ, tuple(files))
    try:
        yield made
    finally:
        made.remove()
        left = made.left()
    assert not left, f"left behind: {left}"


@pytest.fixture(scope="session")
def built_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The test image of this checkout: built once for all workers of a session; its tag.

    It stays, as the cache of the next session's; the one that it replaces goes.
    """
    name = test_image_name()
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    done = shared / "test-image-is-built"
    with (shared / "test-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            old = _image_id(name)
            docker("compose", "-p", f"{PREFIX}build", "build", "--quiet", "test",
                   environ=engine_environ(), cwd=REPOSITORY, timeout_s=BUILD_S)  # fmt: skip
            if old and old != _image_id(name):
                docker("image", "rm", old, check=False)
            done.touch()
    return name


def _image_id(name: str) -> str:
    return docker("image", "inspect", "-f", "{{.Id}}", name, check=False).stdout.strip()
