"""Fetch what an environment's services logged in a span of time, while their containers exist."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from walkaway.backends import evidence
from walkaway.environment import engine
from walkaway.environment.project import Project, on_engine
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import Run

_LINES = "20000"
_WAIT_S = 10.0


def logged_between(run: Run, record: Path, since: float, until: float) -> str:
    """Return the services' log lines between two times, in seconds since the epoch.

    At most 20000 lines per container, within 10 s. Empty when the run leased no environment.
    Raises `WalkawayError` 69 when the engine does not answer.
    """
    compose = run.compose
    slot = evidence.slot_of(str(record)) if compose is not None else 0
    if compose is None or not slot:
        return ""
    project = Project(Path(run.root), slot, compose.service, compose.files)
    environ = project.environ(on_engine(os.environ, compose.engine))
    words = ("--ansi", "never", "logs", "--no-color", "--timestamps", "--tail", _LINES)
    times = ("--since", _utc(since), "--until", _utc(until))
    done = engine.call(project.compose(*words, *times), environ, _WAIT_S, cwd=project.root)
    if done.code:
        message = f"`docker compose logs` failed: {done.why}"
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
    return done.out


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
