"""Bring a run's container up: image, services, container. Runs in a child of the supervisor.

The commands' output goes to the run's log, which `progress` shows. Events are reported one by one:
`phase`, then one of `started`, `built`, `busy`, `failed`. None of those four follows when the
engine went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from walkaway.environment import (
    compose_config,
    container,
    container_calls,
    diagnosis,
    engine,
    image,
    leases,
    reset,
    services,
)
from walkaway.environment.project import LABEL_CHECKOUT, LABEL_RUN, LABEL_SLOT, Project
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import Compose, Run
from walkaway.worker_slots import worker_count

Send = Callable[[dict[str, Any]], None]
_LOG_FD = 1
"""In the supervisor's child, stdout is the run's log."""
_OUTPUT_LINES = 12
_RUN_S = 300.0


class Wish(NamedTuple):
    """What to launch: pass ``number`` of a run in environment ``slot``."""

    run: Run
    wanted: Compose
    record: str
    number: int
    slot: int
    left_by: str
    """Id of the run that had the environment and never gave it back properly."""


def launch(wish: Wish, send: Send) -> None:
    """Start a pass and report how it went."""
    run, wanted, record, number, slot, left_by = wish
    project = Project(Path(run.root), slot, wanted.service, wanted.files)
    environ = project.environ(os.environ)
    try:
        busy = _still_there(run, slot, environ) if left_by and number == 1 else ""
        if busy:
            send({"busy": busy})
            return
        if number == 1:
            changed = _build(project, environ, wanted, send)
            if wanted.only_build:
                send({"built": "the image was built" if changed else "the image is up to date"})
                return
        if number == 1 and wanted.services:
            _services(project, environ, left_by, send)
        if number == 1:
            _pull(project, environ, send)
        send({"phase": container.STARTING})
        state = _start(project, run, record, number, environ)
        if state is not None:
            send({"started": state._asdict()})
    except OSError as error:
        message = f"the run cannot be prepared: {error.filename or ''}: {error.strerror or error}"
        sys.stderr.write(message + "\n")
        send({"failed": message, "output": []})
    except WalkawayError as error:
        sys.stderr.write(error.message.rstrip() + "\n")
        first, *rest = error.message.splitlines()
        send({"failed": first, "output": rest[:_OUTPUT_LINES]})


def _build(project: Project, environ: Mapping[str, str], wanted: Compose, send: Send) -> bool:
    """Build what may have changed. Return whether anything was built."""
    built = image.ensure(
        project, environ, no_cache=wanted.no_cache, pull=wanted.pull, out=_LOG_FD,
        everything=wanted.only_build,
        starting=lambda _: send({"phase": "building the image"}),
        waiting=lambda: send({"phase": "waiting for another build"}),
    )  # fmt: skip
    for large in built.large:
        size_mb = large.size_bytes / 1e6
        sys.stderr.write(f"The build context is large: {size_mb:,.0f} MB. See: inv build\n")
    return built.changed


def _services(project: Project, environ: Mapping[str, str], left_by: str, send: Send) -> None:
    if not services.warm(project, environ):
        send({"phase": "starting the services"})
        services.up(project, environ, out=_LOG_FD)
    if left_by:  # data on a volume outlives its service
        send({"phase": "cleaning the services"})
        reset.reset(project, environ)


def _pull(project: Project, environ: Mapping[str, str], send: Send) -> None:
    """Pull the test service's image if it is neither present nor built here."""
    composed = compose_config.read(project, environ)
    found = composed.services[project.service]
    if not found.build and not diagnosis.has_image(found.image, environ):
        send({"phase": "pulling the image"})
        services.pull(project, composed, [project.service], environ, _LOG_FD)


def _start(
    project: Project,
    run: Run,
    record: str,
    number: int,
    environ: Mapping[str, str],
) -> container.State | None:
    """Start the container. None when the engine went away or hung: it may exist or not."""
    leases.prepare(project.root)
    Path(record).parent.joinpath(".cache").mkdir(exist_ok=True)
    Path(record, "stacks").mkdir(exist_ok=True)  # ours, whatever user the container has
    inside = container.environment(run, number)
    inside["PYTEST_XDIST_AUTO_NUM_WORKERS"] = str(_auto_workers(project, environ))
    words = container.command(project, run, record, number, inside)
    name = container.name(run.root, run.id, number)
    try:
        done = engine.call(words, environ, _RUN_S, cwd=project.root)
    except engine.NoAnswerError:
        return None
    state = container_calls.inspect(name, environ)
    if state is None:
        return None if done.code else container.State()
    if done.code and not state.started_at:
        sys.stderr.write(done.err)
        composed = compose_config.read(project, environ)
        if not diagnosis.has_image(composed.services[project.service].image, environ):
            raise diagnosis.explained(project, composed, [project.service], environ, done.err)
        message = f"the container did not start: {state.error or done.why}"
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return state


def _auto_workers(project: Project, environ: Mapping[str, str]) -> int:
    """Return what `-n auto` means in the test container. Pytest would see the host's CPUs."""
    service = compose_config.read(project, environ).services[project.service]
    return worker_count.within(service.cpus, service.memory_bytes)


def _still_there(run: Run, slot: int, environ: Mapping[str, str]) -> str:
    """Return the id of a run that still has a running container in this environment."""
    words = ["docker", "ps", "--format", '{{.Label "walkaway.run"}}']
    for key, value in ((LABEL_CHECKOUT, run.root), (LABEL_SLOT, str(slot))):
        words += ["--filter", f"label={key}={value}"]
    found = engine.ask((*words, "--filter", f"label={LABEL_RUN}"), environ).split()
    return next((name for name in found if name != run.id), "")
