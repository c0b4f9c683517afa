"""Choose a run's backend: the one that was asked for or, with `auto`, the right one."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from walkaway.environment import engine, project
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import Compose
from walkaway.record.store import Records
from walkaway.settings import Settings

LOCAL = "local"
_INI_FILES = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
COMPOSE = "compose"
_OFFER = "To run here, without the containers: --backend local"


class BackendChoice(NamedTuple):
    """The chosen backend, `local` or `compose`, and why `auto` fell back to local."""

    backend: str
    fell_back: str = ""
    """The reason in a few words; empty when it did not fall back."""


def choose(asked: str | None, conf: Settings, root: Path, environ: Mapping[str, str], *, ci: bool
           ) -> BackendChoice:  # fmt: skip
    """Return the backend to use.

    `auto` means compose when there is a Compose file with the service and the engine answers.
    Raises `WalkawayError` 69 when compose is not possible and a local run would mislead: compose
    was asked for, this is CI, or the checkout's last run was in Compose.
    """
    chosen = asked or conf.backend
    if chosen == LOCAL:
        return BackendChoice(LOCAL)
    files = project.compose_file(root, conf.compose_file)
    if chosen == COMPOSE:
        if not files:
            message = (
                f"There is no Compose file in {root}, so no test service to run in.\n"
                f"Add docker-compose.yml with a service `{conf.service}`. {_OFFER}"
            )
            raise WalkawayError(message, exit_codes.NOT_STARTABLE)
        _must_answer(environ, "the tests were to run in Compose")
        return BackendChoice(COMPOSE)
    if not any(_has_service(name, conf.service) for name in files):
        if _last(Records(root)) == COMPOSE:
            message = (
                "The last run of this checkout was in Compose, and now none of its Compose files "
                f"has a line for the service `{conf.service}`: results may differ elsewhere.\n"
                f"No run was started. To try Compose anyway: --backend compose. {_OFFER}"
            )
            raise WalkawayError(message, exit_codes.NOT_STARTABLE)
        no_service = f"no service {conf.service} in the Compose file"
        return BackendChoice(LOCAL, no_service if files else "no Compose file")
    if ci:
        _must_answer(environ, "CI does not fall back to a run outside Compose by itself")
        return BackendChoice(COMPOSE)
    why = engine.silent_because(environ)
    if not why:
        return BackendChoice(COMPOSE)
    if _last(Records(root)) == COMPOSE:
        _refuse(why, "the last run of this checkout was in Compose, and results "
                     "may differ elsewhere")  # fmt: skip
    no_command = why == engine.NOT_THERE
    return BackendChoice(LOCAL, "no docker command" if no_command else "no Docker engine answers")


def compose(
    conf: Settings, args: tuple[str, ...], environ: Mapping[str, str], *, no_services: bool
) -> Compose:
    """Return what a Compose run needs besides its command."""
    return Compose(
        service=conf.service,
        files=conf.compose_file,
        slots=conf.slots,
        services=not (no_services or _needs_none(conf.without_services, args)),
        engine=project.which_engine(environ),
    )


def _needs_none(without: tuple[str, ...], args: tuple[str, ...]) -> bool:
    """Return whether all paths among the arguments lie in folders whose tests need no services.

    `.` in ``without`` stands for every test.
    """
    paths = [os.path.normpath(word.partition("::")[0]) for word in args if _is_path(word)]
    folders = [os.path.normpath(folder) for folder in without]
    return os.curdir in folders or (
        bool(paths)
        and all(
            any(path == folder or path.startswith(folder + os.sep) for folder in folders)
            for path in paths
        )
    )


def _is_path(word: str) -> bool:
    return not word.startswith("-") and ("/" in word or word.endswith(".py") or "::" in word)


def _has_service(path: str, service: str) -> bool:
    """Search for the service's line. Parsing YAML would delay the prompt by 20 ms.

    Raises `WalkawayError` 69 when the file cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        message = f"The Compose file cannot be read: {path}: {error.strerror}.\n{_OFFER}"
        raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
    return (
        re.search(rf"(?m)^[ \t]+[\"']?{re.escape(service)}[\"']?:\s*(#.*|&.*)?$", text) is not None
    )


def _must_answer(environ: Mapping[str, str], because: str) -> None:
    why = engine.silent_because(environ)
    if why:
        _refuse(why, because)


def _refuse(why: str, because: str) -> None:
    message = (
        f"The Docker engine does not answer ({why}): {because}.\n"
        f"No run was started. Start it, then check with: inv doctor. {_OFFER}"
    )
    raise WalkawayError(message, exit_codes.NOT_STARTABLE)


def _last(records: Records) -> str:
    """Return the backend of the newest run; empty when there is none or it cannot be read."""
    for run_id in reversed(records.ids()[-1:]):
        try:
            data = json.loads(records.record(run_id).path("run.json").read_bytes())
            return str(data.get("backend"))
        except (OSError, ValueError, AttributeError):
            continue
    return ""


def cache_option(root: Path) -> tuple[str, ...]:
    """Return options that keep pytest's cache, which --lf needs, outside the container.

    Empty where the project sets cache_dir itself.
    """
    for name in _INI_FILES:
        with contextlib.suppress(OSError):
            if "cache_dir" in (root / name).read_text(encoding="utf-8", errors="replace"):
                return ()
    return ("-o", f"cache_dir={project.CACHE}/pytest")
