"""Compose projects of a checkout: their names, labels, and how Compose is called for them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREFIX = "walkaway"
LABEL_RUN = "walkaway.run"
LABEL_CHECKOUT = "walkaway.checkout"
"""Path of the checkout."""
LABEL_SLOT = "walkaway.slot"
LABEL_RESET = "walkaway.reset"
"""On a service, in the Compose file: how it is made fresh between two leases."""
COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_FOLDER = "com.docker.compose.project.working_dir"
COMPOSE_ONE_OFF = "com.docker.compose.oneoff"

CACHE = "/walkaway/cache"
"""In a test container: what outlives it, one for all runs of a checkout."""
FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
WITHOUT_SERVICES = 0
"""The slot of runs that need no services: any number of them at a time."""


def checkout_hash(root: Path) -> str:
    """Return eight hex digits that stand for a checkout's path."""
    return path_hash(os.path.realpath(root))


def path_hash(path: str) -> str:
    """Return what a checkout's path, without links in it, comes to: also of one that is gone."""
    return hashlib.blake2b(path.encode(errors="surrogateescape"), digest_size=4).hexdigest()


def compose_file(root: Path, configured: tuple[str, ...]) -> tuple[str, ...]:
    """Return the Compose files, absolute; none when the checkout has none.

    Without configured ones Compose finds its file (and an override beside it) by itself.
    """
    if configured:
        return tuple(str(root / name) for name in configured)
    return tuple(str(root / name) for name in FILES if (root / name).is_file())[:1]


@dataclass(frozen=True, slots=True)
class Project:
    """One Compose project of a checkout: an environment (``slot`` from 1), or slot 0."""

    root: Path
    slot: int = 1
    service: str = "test"
    """The service that pytest runs in."""
    configured: tuple[str, ...] = ()
    """Compose files named in the settings, relative to the root."""

    @property
    def checkout(self) -> str:
        """Eight hex digits that stand for the checkout."""
        return checkout_hash(self.root)

    @property
    def name(self) -> str:
        """The project's name: of this checkout and slot alone."""
        return f"{PREFIX}-{self.checkout}-{self.slot}"

    @property
    def image(self) -> str:
        """The tag of this checkout's test image, the same in all slots."""
        return f"walkaway-test:{self.checkout}"

    def compose(self, *words: str) -> tuple[str, ...]:
        """Return a Compose command for this project. Call it with `environ` and ``root`` as cwd."""
        files = [word for name in self.configured for word in ("-f", str(self.root / name))]
        folder = ("--project-directory", str(self.root))
        return ("docker", "compose", "-p", self.name, *folder, *files, *words)

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment for a Compose command: ours over the user's."""
        given = {
            "WALKAWAY_UID": str(os.getuid()),
            "WALKAWAY_GID": str(os.getgid()),
            "WALKAWAY_TEST_IMAGE": environ.get("WALKAWAY_TEST_IMAGE") or self.image,
            # An engine refuses more CPUs than it has.
            "WALKAWAY_TEST_CPUS": environ.get("WALKAWAY_TEST_CPUS") or str(min(2, _cpus())),
            "COMPOSE_IGNORE_ORPHANS": "true",
            "COMPOSE_REMOVE_ORPHANS": "false",  # not what .env says: it would remove ended tests
            "COMPOSE_MENU": "false",
            "DOCKER_CLI_HINTS": "false",
            "DOCKER_BUILDKIT": "1",
            "COMPOSE_DOCKER_CLI_BUILD": "1",
        }
        kept = {name: value for name, value in environ.items() if name not in _FOREIGN}
        return {**kept, **which_engine(environ), **given}


def _cpus() -> int:
    return os.cpu_count() or 1


_ENGINE = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY",
           "DOCKER_CERT_PATH")  # fmt: skip
_ANY = "default"


def which_engine(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say which engine is asked, also when only a file says so now."""
    found = {name: environ[name] for name in _ENGINE if environ.get(name)}
    if "DOCKER_HOST" not in found and "DOCKER_CONTEXT" not in found:
        folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", ""), ".docker"))
        found["DOCKER_CONTEXT"] = _ANY
        with contextlib.suppress(OSError, ValueError, AttributeError):
            config = json.loads((folder / "config.json").read_bytes())
            found["DOCKER_CONTEXT"] = str(config.get("currentContext") or _ANY)
    return found


def on_engine(environ: Mapping[str, str], engine: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for asking ``engine``, whichever is meant by ``environ``."""
    if not engine:
        return dict(environ)
    return {**{name: value for name, value in environ.items() if name not in _ENGINE}, **engine}


_FOREIGN = frozenset({"COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"})
"""They would have Compose work on other projects or services than those meant."""
