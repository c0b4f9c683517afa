"""Start the services of an environment, and check that they are well."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from walkaway.environment import (
    build_state,
    compose_config,
    diagnosis,
    engine,
    project_containers,
    reset,
    streamed_command,
)
from walkaway.environment.compose_config import Composed
from walkaway.environment.project import Project
from walkaway.environment.project_containers import Container, ServiceState
from walkaway.errors import WalkawayError

UP_S = 120.0
"""Time from the first container's start until all services are well."""
PULL_S = 1800.0
"""Time for pulling missing images, before `UP_S` begins."""
_LOOK_S = 0.1
_GROWS = 1.3
_SELDOM_S = 1.0


def up(
    project: Project,
    environ: Mapping[str, str],
    *,
    everything: bool = False,
    out: int | None = None,
) -> list[str]:
    """Start the test service's dependencies, wait until they are well, and return their names.

    ``everything`` means all services that `docker compose up` would start, except the test service.
    ``out`` is the descriptor for Compose's output; None means our own stdout. `WalkawayError` 69
    names the service that is not well and shows its output.
    """
    environ = project.environ(environ)
    composed = compose_config.read(project, environ)
    names = _names(project, composed, everything=everything)
    with build_state.alone(project.root, f"up-{project.slot}", PULL_S + UP_S, out):
        build_state.forget(project.root, _name(project))
        if names:
            _away_with_the_sick(project, composed, names, environ)
            pull(project, composed, names, environ, out)
            begun = time.monotonic()
            argv = project.compose("up", "--detach", *names)
            try:
                done = streamed_command.run(argv, environ, UP_S, cwd=project.root, out=out)
            except WalkawayError as error:
                # Compose waits for dependencies without a limit.
                raise diagnosis.explained(
                    project, composed, names, environ, error.message
                ) from error
            if done.code:
                raise diagnosis.explained(project, composed, names, environ, done.err)
            _await(project, composed, names, environ, begun + UP_S)
            reset.keep(project, environ)
        rows = _by_service(project, environ, names)
        images = {name: sorted({row.image for row in found}) for name, found in rows.items()}
        build_state.write(
            project.root, _name(project), {"digest": composed.digest, "images": images}
        )
    return names


def warm(project: Project, environ: Mapping[str, str], *, everything: bool = False) -> bool:
    """Return whether the test service's dependencies are up, well and match the current files.

    ``everything`` as in `up`. Makes one call to the engine; `WalkawayError` 69 without an answer.
    """
    environ = project.environ(environ)
    known = build_state.read(project.root, _name(project))
    images = known.get("images")
    if not isinstance(images, dict):
        return False
    composed = compose_config.read(project, environ)
    names = _names(project, composed, everything=everything)
    if known.get("digest") != composed.digest or not set(names) <= set(images):
        return False
    rows = _by_service(project, environ, names)
    return all(
        sorted({row.image for row in rows[name]}) == images[name] and _well(composed, rows[name])
        for name in names
    )


def names_to_start(
    project: Project, environ: Mapping[str, str], *, everything: bool = False
) -> list[str]:
    """Return the services that `up` brings up."""
    composed = compose_config.read(project, project.environ(environ))
    return _names(project, composed, everything=everything)


def _name(project: Project) -> str:
    return f"{project.slot}.json"


def _names(project: Project, composed: Composed, *, everything: bool) -> list[str]:
    return composed.whole(project.service) if everything else composed.needed(project.service)


def _well(composed: Composed, rows: Sequence[Container]) -> bool:
    fine = (ServiceState.READY, ServiceState.DONE)
    return all(row.standing(checked=composed.services[row.service].checked) in fine for row in rows)


def _by_service(
    project: Project, environ: Mapping[str, str], names: Sequence[str]
) -> dict[str, list[Container]]:
    """Return the containers of each service; an empty list for one scaled to zero."""
    found: dict[str, list[Container]] = {name: [] for name in names}
    for row in project_containers.of(project.name, environ) if names else ():
        if row.service in found and not row.one_off:
            found[row.service].append(row)
    return found


def _away_with_the_sick(
    project: Project, composed: Composed, names: Sequence[str], environ: Mapping[str, str]
) -> None:
    """Remove containers that are not well: Compose would leave them and fail at once."""
    bad = [
        row.id
        for name, rows in _by_service(project, environ, names).items()
        for row in rows
        if row.standing(checked=composed.services[name].checked) is ServiceState.BAD
    ]
    if bad:
        engine.call(("docker", "rm", "--force", "--volumes", *bad), environ)


def pull(
    project: Project,
    composed: Composed,
    names: Sequence[str],
    environ: Mapping[str, str],
    out: int | None,
) -> None:
    """Pull missing images. This time does not count against the services' time."""
    pulled = [name for name in names if not composed.services[name].build]
    missing = [
        name for name in pulled if not diagnosis.has_image(composed.services[name].image, environ)
    ]
    if missing:
        argv = project.compose("pull", "--policy", "missing", *missing)
        done = streamed_command.run(argv, environ, PULL_S, cwd=project.root, out=out)
        if done.code:
            raise diagnosis.explained(project, composed, missing, environ, done.err)


def _await(
    project: Project,
    composed: Composed,
    names: Sequence[str],
    environ: Mapping[str, str],
    deadline: float,
) -> None:
    """Wait until all services are well. Compose's own wait fails when a one-shot service ends."""
    pause = _LOOK_S
    while True:
        rows = [row for found in _by_service(project, environ, names).values() for row in found]
        if _well(composed, rows):
            return
        stands = {
            row.id: row.standing(checked=composed.services[row.service].checked) for row in rows
        }
        loops = any(row.state == "restarting" for row in rows)
        bad = ServiceState.BAD in stands.values() or (
            loops and diagnosis.restarts(rows, environ) >= diagnosis.RESTARTS
        )
        if bad or time.monotonic() > deadline:
            raise diagnosis.explained(
                project, composed, names, environ, f"not healthy within {UP_S:.0f} s"
            )
        time.sleep(pause)
        pause = min(_SELDOM_S, pause * _GROWS)
