"""`build`, `up`, `down`, `health`: the Compose environments of this checkout."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from invoke.context import Context

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.tasks import invoke_adapter
from walkaway.tasks.invoke_adapter import JSON_HELP, Here, say, say_json

if TYPE_CHECKING:
    from walkaway.environment.project import Project

_HOLDER = "up"
"""The name in a lease; runs have ids."""
_ANOTHER_S = 600.0
"""For another `up` of the same environment."""
_LOOK_S = 0.2
_STOP_WAIT_S = 60.0
SLOT_HELP = "which environment, from 1; default: 1"


@invoke_adapter.task(
    name="build",
    flags={
        "no_cache": "rebuild every layer",
        "pull": "look for a newer base image",
        "detach": "return at once; then progress, wait and stop work as for a run",
        "json": JSON_HELP,
    },
)
def build(
    c: Context,
    no_cache: bool = False,
    pull: bool = False,
    detach: bool = False,
    json: bool = False,
) -> None:
    """Build the test image if anything in it may have changed."""
    if detach:
        _build_detached(invoke_adapter.here(c), no_cache=no_cache, pull=pull, json=json)
        return
    from walkaway.environment import image
    from walkaway.views import environment as view

    here = invoke_adapter.here(c)
    project = chosen(here, "1")
    answering(here, "build")
    with progress_to(here, json=json) as out:
        built = image.ensure(
            project, here.environ, no_cache=no_cache, pull=pull, everything=True, out=out,
            starting=lambda names: None if json else say([view.building(names)]),
        )  # fmt: skip
    if json:
        say_json(view.built_json(built))
    else:
        say(view.built_lines(built, here.style))


def _build_detached(here: Here, *, no_cache: bool, pull: bool, json: bool) -> None:
    from walkaway.runs import request, start
    from walkaway.tasks.start import tell_started

    with here.marked_start():
        run = request.building(
            root=here.root, conf=here.settings(), environ=here.environ, origin=here.origin(),
            no_cache=no_cache, pull=pull,
        )  # fmt: skip
        made = start.start(here.records, run, again=False)
    tell_started(here, made, json=json)


@invoke_adapter.task(name="up", flags={"slot": SLOT_HELP, "json": JSON_HELP})
def up(c: Context, slot: str = "1", json: bool = False) -> None:
    """Start an environment's services and wait until all are healthy."""
    from walkaway.environment import image, services
    from walkaway.views import environment as view

    here = invoke_adapter.here(c)
    project = chosen(here, slot)
    answering(here, "up")
    begun = time.monotonic()
    with progress_to(here, json=json) as out:
        image.ensure(
            project, here.environ, everything=True, out=out,
            starting=lambda names: None if json else say([view.building(names)]),
        )  # fmt: skip
        names = services.names_to_start(project, here.environ, everything=True)
        was_up = services.warm(project, here.environ, everything=True)
        if not was_up:
            with leased(here, project):
                if names and not json:
                    say([view.starting(project.slot, names)])
                services.up(project, here.environ, everything=True, out=out)
    seconds = time.monotonic() - begun
    if json:
        say_json(view.up_json(project.slot, project.name, names, seconds, was_up=was_up))
    else:
        say(view.up_lines(project.slot, names, seconds, here.style, was_up=was_up))


@invoke_adapter.task(
    name="down",
    flags={
        "force": "stop runs that use an environment first",
        "json": JSON_HELP,
    },
)
def down(c: Context, force: bool = False, json: bool = False) -> None:
    """Remove all environments of this checkout: containers, networks, volumes."""
    from walkaway.environment import teardown
    from walkaway.views import environment as view

    here = invoke_adapter.here(c)
    answering(here, "down")
    live = teardown.live_runs(here.root, here.environ)
    if live and not force:
        short = [run.rpartition("-")[2] for run in live]
        message = (
            f"Nothing was removed: {', '.join(short)} would lose its environment.\n"
            f"Stop it first: inv stop --run {short[0]}   or with the rest: inv down --force"
        )
        raise WalkawayError(message, exit_codes.WRONG_USE)
    _stop(here, live)
    removed = teardown.down_all(here.root, here.environ)
    if json:
        say_json(view.down_json(removed))
    else:
        say(view.down_lines(removed, here.style))


def _stop(here: Here, live: list[str]) -> None:
    """End runs as `inv stop` does: who supervises them keeps their verdict, and cleans up.

    Those that do not end in time, or have no record, lose their containers with the rest.
    """
    from walkaway.runs import status
    from walkaway.runs import stop as stops

    records = [here.records.record(run) for run in live]
    asked = []
    for record in records:
        with contextlib.suppress(WalkawayError):  # no run, but another `up`; or not ours to ask
            if status.look(here.records, record).live:
                stops.ask(record, "stop", "inv down --force")
                asked.append(record)
    until = time.monotonic() + _STOP_WAIT_S
    for record in asked:
        stops.wait_left(record, until - time.monotonic())


@invoke_adapter.task(name="health", flags={"json": JSON_HELP})
def health(c: Context, json: bool = False) -> None:
    """Show each service's health, uptime, memory, CPU and ports."""
    from walkaway.environment import health as states
    from walkaway.views import environment as view

    here = invoke_adapter.here(c)
    answering(here, "health")
    found = states.states(here.root, here.environ)
    if json:
        say_json(view.health_json(found))
    else:
        say(view.health_lines(found, here.style))


def chosen(here: Here, slot: str) -> Project:
    """Return the environment that --slot means; `WalkawayError` 64 for one that cannot be."""
    from walkaway.environment.project import Project

    conf = here.settings()
    number = invoke_adapter.whole(slot, "slot", 1)
    if number > conf.slots:
        message = (
            f"--slot is {number}: this checkout has {conf.slots} at most.\n"
            "Raise walkaway.slots in invoke.yaml to allow more."
        )
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return Project(here.root, number, conf.service, conf.compose_file)


@contextlib.contextmanager
def leased(here: Here, project: Project) -> Iterator[None]:
    """Keep runs out of an environment while it changes; `WalkawayError` 69 when one is in it."""
    from walkaway.environment import leases, teardown

    deadline = time.monotonic() + _ANOTHER_S
    while True:
        live = teardown.live_runs(here.root, here.environ, project.slot)
        lease = None if live else leases.take_slot(here.root, project.slot, _HOLDER)
        if lease or live not in ([], [_HOLDER]) or time.monotonic() > deadline:
            break
        time.sleep(_LOOK_S)
    if lease is None:
        names = ", ".join(run.rpartition("-")[2] for run in live) or "somebody else"
        message = (
            f"Environment {project.slot} differs from the Compose file, and {names} is using it.\n"
            f"Wait for its end, then run again: inv up --slot {project.slot}"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    try:
        yield
    finally:
        # What a run that died has left in there is as it was: the next one must know.
        lease.give_back(clean=not lease.left_by, to=lease.left_by)


def answering(here: Here, task: str) -> None:
    """Refuse with 69 when no engine answers."""
    from walkaway.environment import engine

    why = engine.silent_because(here.environ)
    if why:
        message = (
            f"The Docker engine does not answer: {why}.\n"
            f"Start it, check with: inv doctor   then run again: inv {task}"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)


@contextlib.contextmanager
def progress_to(_: Here, *, json: bool) -> Iterator[int | None]:
    """Yield where what Docker prints goes: our stdout, or with --json nowhere."""
    if not json:
        yield None
        return
    fd = os.open(os.devnull, os.O_WRONLY)
    try:
        yield fd
    finally:
        os.close(fd)
