"""Inspect one container of ours, and remove containers and networks of ours.

Light to import, because a supervisor's child uses it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence

from walkaway.environment import engine
from walkaway.environment.container import State, state
from walkaway.environment.project import COMPOSE_PROJECT
from walkaway.errors import WalkawayError

_INSPECT_S = 20.0
_EXIT_CODE = "{{.Actor.Attributes.exitCode}}"
_REMOVE_S = 60.0


def inspect(name: str, environ: Mapping[str, str]) -> State | None:
    """Return the engine's view of a container; an empty state when it does not exist.

    None when the engine does not answer: then nothing is known.
    """
    try:
        words = ("docker", "inspect", "--type", "container", name)
        found = engine.call(words, environ, _INSPECT_S)
        if found.code == 0:
            return state(json.loads(found.out)[0])
        if engine.silent_because(environ):
            return None
    except (WalkawayError, ValueError, LookupError):
        return None
    return State() if "no such" in found.err.lower() else None


def died_with(name: str, environ: Mapping[str, str]) -> int | None:
    """Return the exit code of a container that was removed, from the engine's recent events.

    None when the engine does not know: it keeps its last 256 events, and none over a restart.
    """
    until = f"{time.time():.6f}"
    words = ("docker", "events", "--since", "24h", "--until", until, "--format", _EXIT_CODE)
    chosen = ("--filter", f"container={name}", "--filter", "event=die")
    try:
        found = engine.call((*words, *chosen), environ, _INSPECT_S).out.split()
    except WalkawayError:
        return None
    return int(found[-1]) if found and found[-1].isdigit() else None


def remove(names: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Remove containers of ours by their fixed names.

    Return True when none of them exists any more.
    """
    with contextlib.suppress(WalkawayError):
        engine.call(("docker", "rm", "--force", "--volumes", *names), environ, _REMOVE_S)
    states = [inspect(name, environ) for name in names]
    return all(found is not None and not found.status for found in states)


def remove_networks(project: str, environ: Mapping[str, str]) -> bool:
    """Remove the networks of a Compose project of ours. Return True when none is left."""
    words = ("docker", "network", "ls", "-q", "--filter", f"label={COMPOSE_PROJECT}={project}")
    try:
        ids = engine.ask(words, environ).split()
        if ids:
            engine.call(("docker", "network", "rm", *ids), environ, _REMOVE_S)
        return not ids or not engine.ask(words, environ).split()
    except WalkawayError:
        return False
