"""Compose projects of a checkout: their names and labels, and how to call Compose for them."""

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
"""Label on a service in the Compose file: how to reset it between two leases."""
COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_FOLDER = "com.docker.compose.project.working_dir"
COMPOSE_ONE_OFF = "com.docker.compose.oneoff"

CACHE = "/walkaway/cache"
"""In a test container: a folder that outlives it, shared by all runs of a checkout."""
FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
WITHOUT_SERVICES = 0
"""Slot of runs that need no services: any number of them at a time."""


def checkout_hash(root: Path) -> str:
    """Return eight hex digits that identify a checkout's path."""
    return path_hash(os.path.realpath(root))


def path_hash(path: str) -> str:
    """Return the hash of a checkout's path.

    The path must contain no links, and may not exist any more.
    """
    return hashlib.blake2b(path.encode(errors="surrogateescape"), digest_size=4).hexdigest()


def compose_file(root: Path, configured: tuple[str, ...]) -> tuple[str, ...]:
    """Return the Compose files as absolute paths; empty when the checkout has none.

    If none is configured, Compose finds its file (and an override beside it) by itself.
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
        """Eight hex digits that identify the checkout."""
        return checkout_hash(self.root)

    @property
    def name(self) -> str:
        """Name of the project, unique to this checkout and slot."""
        return f"{PREFIX}-{self.checkout}-{self.slot}"

    @property
    def image(self) -> str:
        """Tag of this checkout's test image, the same in all slots."""
        return f"walkaway-test:{self.checkout}"

    def compose(self, *words: str) -> tuple[str, ...]:
        """Return a Compose command for this project. Run it with `environ`, in ``root``."""
        files = [word for name in self.configured for word in ("-f", str(self.root / name))]
        folder = ("--project-directory", str(self.root))
        return ("docker", "compose", "-p", self.name, *folder, *files, *words)

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment for a Compose command: our variables override the user's."""
        given = {
            "WALKAWAY_UID": str(os.getuid()),
            "WALKAWAY_GID": str(os.getgid()),
            "WALKAWAY_TEST_IMAGE": environ.get("WALKAWAY_TEST_IMAGE") or self.image,
            # An engine refuses more CPUs than it has.
            "WALKAWAY_TEST_CPUS": environ.get("WALKAWAY_TEST_CPUS") or str(min(2, _cpus())),
            "COMPOSE_IGNORE_ORPHANS": "true",
            "COMPOSE_REMOVE_ORPHANS": "false",  # unlike .env: would remove ended tests
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
    """Return the variables that choose the engine, even if only a file chooses it now."""
    found = {name: environ[name] for name in _ENGINE if environ.get(name)}
    if "DOCKER_HOST" not in found and "DOCKER_CONTEXT" not in found:
        folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", ""), ".docker"))
        found["DOCKER_CONTEXT"] = _ANY
        with contextlib.suppress(OSError, ValueError, AttributeError):
            config = json.loads((folder / "config.json").read_bytes())
            found["DOCKER_CONTEXT"] = str(config.get("currentContext") or _ANY)
    return found


def on_engine(environ: Mapping[str, str], engine: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for calls to ``engine``, whatever engine ``environ`` chooses."""
    if not engine:
        return dict(environ)
    return {**{name: value for name, value in environ.items() if name not in _ENGINE}, **engine}


_FOREIGN = frozenset({"COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"})
"""Variables that would make Compose work on other projects or services."""
