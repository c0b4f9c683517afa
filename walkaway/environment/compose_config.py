"""Read the Compose files as Compose resolves them: services, builds, dependencies.

`docker compose config` takes 0.1 s, so its answer is cached with a fingerprint of everything it
depends on: the files, the files they name, and the values of their variables.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkaway.environment import build_state, engine
from walkaway.environment.project import FILES, Project
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes

_CONFIG_S = 30.0
_MOST_FILES = 200
_MOST_BYTES = 1024 * 1024
_WORDS = re.compile(r"[^\s'\",:=\[\]{}()]+")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_BARE = re.compile(r"^\s*(?:-\s+)?['\"]?([A-Za-z_][A-Za-z0-9_]*)['\"]?:?\s*$", re.MULTILINE)
"""Matches `- NAME` or `NAME:` without a value: `environment` and `args` take it from outside."""
_READ_ON = (".yml", ".yaml", ".env")
_OVERRIDES = tuple(f"{name.rpartition('.')[0]}.override{end}"
                   for name in FILES[::2] for end in (".yml", ".yaml"))  # fmt: skip
_KEPT = ("image", "build", "depends_on", "healthcheck", "profiles", "ports", "cpus", "mem_limit")
"""Keys kept of each service."""
_ALWAYS = (
    "COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PATH_SEPARATOR", "DOCKER_CONTEXT",
    "DOCKER_DEFAULT_PLATFORM", "DOCKER_HOST",
)  # fmt: skip
"""Variables that change Compose's answer without being named in a Compose file."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service: the parts that matter here."""

    name: str
    image: str
    """As `docker ps` shows it. With a build and no image, the name that Compose makes up."""
    build: dict[str, Any] | None = None
    depends_on: tuple[str, ...] = ()
    checked: bool = False
    """Whether it has a health check."""
    optional: bool = False
    """Whether it is in a profile, so that it runs only on request."""
    ports: tuple[int, ...] = ()
    """Ports published on the host."""
    cpus: float = 0.0
    memory_bytes: int = 0
    """CPU and memory limits; 0 means none."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The services of a project, and the fingerprint of their sources."""

    services: dict[str, Service]
    digest: str

    def needed(self, service: str) -> list[str]:
        """Return a service's direct and indirect dependencies, sorted, without itself."""
        found: set[str] = set()
        queue = [service]
        while queue:
            for name in self.services[queue.pop()].depends_on:
                if name in self.services and name not in found:
                    found.add(name)
                    queue.append(name)
        return sorted(found - {service})

    def whole(self, service: str) -> list[str]:
        """Return all services that `up` without a name starts, sorted, without ``service``."""
        names = {name for name, found in self.services.items() if not found.optional}
        for name in (*names, service):
            names.update(self.needed(name))
        return sorted(names - {service})


def read(project: Project, environ: Mapping[str, str]) -> Composed:
    """Return the resolved Compose files.

    `WalkawayError` 69 with Compose's words if they are wrong.
    """
    environ = project.environ(environ)
    sources = main_files(project, environ)
    if not sources:
        message = (
            f"There is no Compose file in {project.root}.\n"
            f"Write a docker-compose.yml with a service {project.service!r}, or name the file as "
            "walkaway.compose_file in invoke.yaml.\n"
            "Without Docker: inv test --backend local"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    digest = fingerprint(project, environ, sources)
    name = f"{project.slot}.compose.json"
    kept = build_state.read(project.root, name)
    if kept.get("digest") != digest:
        kept = {"digest": digest, "services": _ask_compose(project, environ)}
        build_state.write(project.root, name, kept)
    services = {name: _service(project, name, found) for name, found in kept["services"].items()}
    if project.service not in services:
        message = (
            f"The Compose file has no service {project.service!r}: "
            f"it has {', '.join(sorted(services)) or 'none'}.\n"
            "Add it, or name the one that pytest runs in as walkaway.service in invoke.yaml."
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return Composed(services, digest)


def main_files(project: Project, environ: Mapping[str, str]) -> list[Path]:
    """Return the Compose files that Compose starts from; empty when there are none."""
    if project.configured:
        return [project.root / name for name in project.configured]
    named = _WORDS.findall(environ.get("COMPOSE_FILE", ""))
    if named:
        return [project.root / name for name in named]
    found = [project.root / name for name in FILES if (project.root / name).is_file()][:1]
    return found + [project.root / name for name in _OVERRIDES if found]


def fingerprint(project: Project, environ: Mapping[str, str], sources: Iterable[Path]) -> str:
    """Return a digest of the files, of all files they name, and of their variables' values.

    Includes, extends, env_file, configs and secrets name paths in the text, so every word that is
    the path of a file counts. One file too many costs a call to Compose; one too few would make the
    cached answer wrong.
    """
    digest = hashlib.blake2b(" ".join((project.name, *_KEPT)).encode(), digest_size=16)
    names = set(_ALWAYS)
    queue = [*sources, project.root / ".env"]
    seen: set[str] = set()
    while queue and len(seen) < _MOST_FILES:
        path = queue.pop(0)
        real = os.path.normpath(path)
        if real in seen:
            continue
        seen.add(real)
        text = _text(path)
        if text is None:
            continue
        digest.update(f"{real}\0{len(text)}\0{text}".encode(errors="surrogateescape"))
        if path in sources or path.name.endswith(_READ_ON) or path.name.startswith(".env"):
            names.update(_VARIABLE.findall(text), _BARE.findall(text))
            words = set(_WORDS.findall(text))
            queue += sorted(
                file for word in words for file in _files(word, (project.root, path.parent))
            )
    for name in sorted(names):
        if name in environ:
            digest.update(f"{name}={environ[name]}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(word: str, folders: Iterable[Path]) -> set[Path]:
    if "." not in word and "/" not in word:
        return set()
    try:
        return {folder / word for folder in folders if (folder / word).is_file()}
    except (OSError, ValueError):
        return set()


def _text(path: Path) -> str | None:
    """Return a file's text, or None. For a large file, its size and change time suffice."""
    try:
        found = path.stat()
        if found.st_size > _MOST_BYTES:
            return f"{found.st_size} {found.st_ctime_ns}"
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None


def _ask_compose(project: Project, environ: Mapping[str, str]) -> dict[str, Any]:
    argv = project.compose("--profile", "*", "config", "--format", "json")
    done = engine.call(argv, environ, _CONFIG_S, cwd=project.root)
    if done.code:
        message = (
            f"The Compose file is invalid: {done.why}\n"
            "Fix it, then check it: docker compose config --quiet"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    found = json.loads(done.out).get("services") or {}
    return {name: _kept(service) for name, service in found.items()}


def _kept(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kept keys of a service.

    Build arguments may be secret, so only their hash is kept.
    """
    kept: dict[str, Any] = {key: _plain(service[key]) for key in _KEPT if service.get(key)}
    if kept.get("build", {}).get("args"):
        given = json.dumps(kept["build"]["args"], sort_keys=True).encode()
        kept["build"]["args"] = hashlib.blake2b(given, digest_size=16).hexdigest()
    return kept


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Undo Compose's escaping: it prints every dollar sign twice, for example in a path."""
    if isinstance(value, dict):
        return {key: _plain(found) for key, found in value.items()}
    if isinstance(value, list):
        return [_plain(found) for found in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def _service(project: Project, name: str, found: Mapping[str, Any]) -> Service:
    health = found.get("healthcheck") or {}
    ports = [str(port.get("published") or "") for port in found.get("ports", ())]
    return Service(
        name,
        image=found.get("image") or f"{project.name}-{name}",
        build=found.get("build"),
        depends_on=tuple(found.get("depends_on") or ()),
        checked=bool(health) and not health.get("disable") and health.get("test") != ["NONE"],
        optional=bool(found.get("profiles")),
        ports=tuple(int(port) for port in ports if port.isdigit()),
        cpus=float(found.get("cpus") or 0),
        memory_bytes=int(found.get("mem_limit") or 0),
    )
