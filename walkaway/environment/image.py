"""Build the images that the tests need when something in them may have changed.

The engine itself needs a second or more to find out that nothing has. So a fingerprint of
everything a build depends on is compared first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkaway.environment import (
    build_state,
    compose_config,
    context,
    engine,
    known_checkouts,
    streamed_command,
)
from walkaway.environment.compose_config import Composed
from walkaway.environment.context import Context
from walkaway.environment.project import Project
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.text import printable, size

BUILD_S = 3600.0
"""Limit for a build that hangs. A cold build of a large image takes minutes."""
LARGE_BYTES = 50 * 1024 * 1024
_STATE = "image.json"
_ERROR = re.compile(r"failed to solve|^ERROR\b|\berror:|denied|no such|not found", re.IGNORECASE)
_STEP = re.compile(r"^ > (\[.+\].*?):?$")
_COLUMNS = 300


@dataclass(frozen=True, slots=True)
class Large:
    """A context larger than `LARGE_BYTES`: its path, its size, and what makes it large."""

    path: str
    size_bytes: int
    ignore_file: str
    culprits: tuple[tuple[str, int], ...]

    def warning(self) -> str:
        """Return the warning."""
        parts = [f"{size(size_bytes)} of it {path}" for path, size_bytes in self.culprits]
        only = self.culprits[0][0] if len(self.culprits) == 1 else ""
        line = f"the line {only}" if only else "lines for what the image does not need"
        return printable(
            f"{size(self.size_bytes)} are sent to the engine at every build, {', '.join(parts)}: "
            f"add {line} to {self.ignore_file}"
        )


@dataclass(frozen=True, slots=True)
class Built:
    """Result of `ensure`."""

    changed: bool
    """Whether something was built; False when everything was up to date."""
    services: tuple[str, ...]
    """One for each image built here, the test service's first; empty when all are pulled."""
    image: str
    """Tag of the test service's image."""
    image_id: str
    """`sha256:…`; empty when the test service has no build."""
    seconds: float
    context_bytes: int
    context_files: int
    large: tuple[Large, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """One line per large context: what makes it large, and what to do about it."""
        return [found.warning() for found in self.large]


def ensure(  # noqa: PLR0913 - each is passed by name
    project: Project,
    environ: Mapping[str, str],
    *,
    no_cache: bool = False,
    pull: bool = False,
    everything: bool = False,
    starting: Callable[[Sequence[str]], object] = lambda _: None,
    waiting: Callable[[], object] = lambda: None,
    out: int | None = None,
) -> Built:
    """Build the images of the test service and its dependencies unless they are up to date.

    Args:
        project: The Compose project.
        environ: The user's environment.
        no_cache: Build without the cache, even if up to date.
        pull: Pull base images, even if up to date.
        everything: Include all services that `docker compose up` would start.
        starting: Called with the services when a build begins.
        waiting: Called when another build is at work.
        out: Descriptor for the build's output; None means our own stdout.

    Raises:
        WalkawayError: 69 when a build fails.
    """
    begun = time.monotonic()
    environ = project.environ(environ)
    composed = compose_config.read(project, environ)
    names = _with_build(project, composed, everything=everything)
    image = composed.services[project.service].image
    alone = build_state.alone(project.root, "build", BUILD_S, out, waiting)
    with alone if names else contextlib.nullcontext():
        plans = [_plan(project, composed, name) for name in names]
        known = build_state.read(project.root, _STATE)
        ids = {} if no_cache or pull else _standing(plans, known, environ)
        changed = bool(names) and not ids
        if changed:
            starting(names)
            known_checkouts.remember(project.root, environ)
            options = ["--no-cache"] * no_cache + ["--pull"] * pull
            _build(project, environ, [*options, *names], out)
            ids = _ids(plans, environ)
            if not ids:
                message = f"The image {image} was built, but the engine does not have it."
                raise WalkawayError(message, exit_codes.NOT_STARTABLE)
            fresh = {p.tag: {"digest": p.digest, "id": ids[p.tag]} for p in plans}
            build_state.write(project.root, _STATE, {**known, **fresh})
            _away_with_replaced(plans, known, ids, environ)
    contexts = {plan.root: plan for plan in plans}
    return Built(
        changed,
        tuple(names),
        image,
        ids.get(image, ""),
        time.monotonic() - begun,
        sum(plan.context.size_bytes for plan in contexts.values()),
        sum(plan.context.files for plan in contexts.values()),
        tuple(_large(plan) for plan in contexts.values() if plan.context.size_bytes > LARGE_BYTES),
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """One image to provide: its tag, and the fingerprint of its sources."""

    tag: str
    root: Path
    """Folder of the context."""
    dockerfile: Path
    context: Context
    digest: str
    """Empty when it cannot be computed here: the context is a URL, so the engine must look."""


def _with_build(project: Project, composed: Composed, *, everything: bool) -> list[str]:
    """Return the services to build: one per image, the test service first."""
    tags: dict[str, str] = {}
    others = composed.whole(project.service) if everything else composed.needed(project.service)
    for name in (project.service, *others):
        if composed.services[name].build:
            tags.setdefault(composed.services[name].image, name)
    return list(tags.values())


def _plan(project: Project, composed: Composed, name: str) -> _Plan:
    service = composed.services[name]
    build: Mapping[str, Any] = service.build or {}
    where = str(build.get("context") or project.root)
    root = project.root / where
    dockerfile = root / str(build.get("dockerfile") or "Dockerfile")
    found = context.read(root, dockerfile)
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([service.image, build], sort_keys=True, default=str).encode())
    digest.update(found.digest.encode())
    local = root.is_dir()
    for extra in (build.get("additional_contexts") or {}).values():
        if Path(str(extra)).is_dir():
            digest.update(context.read(Path(extra), Path(extra, "Dockerfile")).digest.encode())
        elif "://" in str(extra) and not str(extra).startswith(("docker-image://", "service:")):
            local = False
    try:
        digest.update(dockerfile.read_bytes())
    except OSError:
        local = local and bool(build.get("dockerfile_inline"))
    return _Plan(service.image, root, dockerfile, found, digest.hexdigest() if local else "")


def _standing(
    plans: Sequence[_Plan], known: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the ids of all images if each is known, unchanged and still there; else nothing."""
    expected = {}
    for plan in plans:
        entry = known.get(plan.tag)
        if not plan.digest or not isinstance(entry, dict) or entry.get("digest") != plan.digest:
            return {}
        expected[plan.tag] = entry.get("id")
    found = _ids(plans, environ)
    return found if found == expected else {}


def _ids(plans: Sequence[_Plan], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the image ids by tag; empty when one of the images does not exist."""
    if not plans:
        return {}
    tags = [plan.tag for plan in plans]
    done = engine.call(("docker", "image", "inspect", "--format", "{{.Id}}", *tags), environ)
    ids = done.out.split()
    if done.code == 0:
        return dict(zip(tags, ids, strict=True))
    if "no such" not in done.err.lower():
        message = f"The Docker engine cannot list its images: {done.why}"
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return {}


def _away_with_replaced(
    plans: Sequence[_Plan],
    known: Mapping[str, Any],
    ids: Mapping[str, str],
    environ: Mapping[str, str],
) -> None:
    """Remove the images that we built before these: untagged, nobody would ever find them.

    An image with a tag belongs to somebody. One that a container uses cannot be removed yet.
    """
    for plan in plans:
        entry = known.get(plan.tag)
        old = str(entry.get("id") or "") if isinstance(entry, dict) else ""
        if old and old not in ids.values():
            words = ("docker", "image", "inspect", "--format", "{{len .RepoTags}}", old)
            if engine.call(words, environ).out.strip() == "0":
                engine.call(("docker", "image", "rm", old), environ)


def _build(
    project: Project, environ: Mapping[str, str], words: Sequence[str], out: int | None
) -> None:
    argv = project.compose("build", *words)
    done = streamed_command.run(argv, environ, BUILD_S, cwd=project.root, out=out)
    if done.code:
        lines = [printable(line, _COLUMNS) for line in done.err.splitlines()]
        why = next((line for line in reversed(lines) if _ERROR.search(line)), done.why)
        steps = [match[1] for line in lines if (match := _STEP.match(line))]
        step = f"In the step {steps[-1]}\n" if steps else ""
        message = (
            f"The image cannot be built: {printable(why, _COLUMNS)}\n"
            f"{step}Fix that, then run again: inv build"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)


def _large(plan: _Plan) -> Large:
    found = context.ignore_file(plan.root, plan.dockerfile)
    return Large(
        str(plan.root),
        plan.context.size_bytes,
        os.path.relpath(found, plan.root),
        tuple(plan.context.culprits()),
    )
