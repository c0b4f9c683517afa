"""`service-logs` and `shell`: a look into the containers of an environment."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from invoke.context import Context

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.tasks import invoke_adapter
from walkaway.tasks.environment import SLOT_HELP, answering, chosen
from walkaway.tasks.invoke_adapter import Here, complain, say

if TYPE_CHECKING:
    from walkaway.environment.project import Project
    from walkaway.environment.project_containers import Container

_SHELL = "command -v bash >/dev/null && exec bash || exec sh"
_ERASE = "\x1b[2K"
_LOGS_S = 60.0


@invoke_adapter.task(
    name="service-logs",
    flags={
        "service": "only this service; default: all but the test service",
        "follow": "keep printing until Ctrl-C",
        "lines": "how many lines from the end, per service",
        "slot": SLOT_HELP,
    },
)
def service_logs(
    c: Context,
    service: str | None = None,
    follow: bool = False,
    lines: str = "100",
    slot: str = "1",
) -> int:
    """Show the services' logs (for the tests' output: log)."""
    here = invoke_adapter.here(c)
    most = invoke_adapter.whole(lines, "lines")
    project = chosen(here, slot)
    answering(here, "service-logs")
    rows = _containers(here, project, service)
    words = ["logs", "--tail", str(most)] + ["--follow"] * follow
    words += [] if here.terminal else ["--no-color"]
    names = sorted({row.service for row in rows})
    command = project.compose(*words, *names)
    if here.terminal:
        return _run_attached(here, command, project)
    return _printed(here, command, project, None if follow else _LOGS_S)


@invoke_adapter.task(
    name="shell",
    flags={
        "service": "enter the running container of this service; default: a new test container",
        "slot": SLOT_HELP,
    },
)
def shell(c: Context, service: str | None = None, slot: str = "1") -> int:
    """Open a shell in a test container, or inside one of the services."""
    here = invoke_adapter.here(c)
    project = chosen(here, slot)
    answering(here, "shell")
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    if service is None or service == project.service:
        if not terminal:
            image = project.environ(here.environ)["WALKAWAY_TEST_IMAGE"]
            words = project.compose("run", "--rm", "-T", "--no-deps", project.service, "env")
            _refuse(shlex.join(("env", f"WALKAWAY_TEST_IMAGE={image}", *words)))
        return _new(here, project)
    row = _containers(here, project, service)[0]
    if not terminal:
        _refuse(shlex.join(["docker", "exec", row.name, "env"]))
    command = ("docker", "exec", "--interactive", "--tty", row.name, "sh", "-c", _SHELL)
    return _run_attached(here, command, project, attended=True)


def _new(here: Here, project: Project) -> int:
    from walkaway.environment import image
    from walkaway.environment.project import LABEL_CHECKOUT, LABEL_SLOT
    from walkaway.views import environment as view

    image.ensure(project, here.environ, starting=lambda names: say([view.building(names)]))
    command = project.compose(
        "run", "--rm", "--no-deps", "--name", f"{project.name}-shell-{os.getpid()}",
        "--label", f"{LABEL_CHECKOUT}={here.root}", "--label", f"{LABEL_SLOT}={project.slot}",
        "--entrypoint", "sh", project.service, "-c", _SHELL,
    )  # fmt: skip
    return _run_attached(here, command, project, attended=True)


def _refuse(command: str) -> None:
    message = (
        f"A shell needs a terminal, and this is not one.\nRun single commands instead: {command}"
    )
    raise WalkawayError(message, exit_codes.WRONG_USE)


def _containers(here: Here, project: Project, service: str | None) -> list[Container]:
    """Return the containers of a service, or of all; `WalkawayError` when there are none."""
    from walkaway.environment import compose_config, project_containers

    if service is not None:
        services = compose_config.read(project, here.environ).services
        if service not in services:
            message = (
                f"--service is {service!r}: give one of {', '.join(sorted(services)) or 'none'}."
            )
            raise WalkawayError(message, exit_codes.WRONG_USE)
    rows = [row for row in project_containers.of(project.name, here.environ) if not row.one_off]
    found = [row for row in rows if service in {None, row.service}]
    if not found:
        what = f"Environment {project.slot}"
        if rows:
            what = f"Service {service} of environment {project.slot}"
        message = f"{what} is not up.\nStart it: inv up --slot {project.slot}"
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN)
    return found


def _run_attached(
    here: Here, command: tuple[str, ...], project: Project, *, attended: bool = False
) -> int:
    """Run a docker command with our own streams, to its end."""
    environ = project.environ(here.environ)
    done = subprocess.run(
        command, cwd=here.root, env=environ, check=False,
        stdin=None if attended else subprocess.DEVNULL,
    )  # fmt: skip
    return _code(done.returncode, attended=attended)


def _printed(here: Here, command: tuple[str, ...], project: Project, bound_s: float | None) -> int:
    """Run a docker command to its end, and print its lines plain. `WalkawayError` 69 past a bound.

    Compose erases each line before it writes it, also into a pipe and with --ansi never.
    """
    from walkaway.environment import engine

    environ = project.environ(here.environ)
    with subprocess.Popen(
        command, cwd=here.root, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        encoding="utf-8", errors="replace",
    ) as process:  # fmt: skip
        late = threading.Timer(bound_s or 0.0, engine.end, (process,))
        late.daemon = True
        if bound_s is not None:
            late.start()
        try:
            for line in process.stdout or ():
                say([line.rstrip("\n").removeprefix(_ERASE)])
        except BaseException:
            process.kill()  # its reader is gone
            raise
        finally:
            late.cancel()
    if bound_s is not None and process.returncode == -signal.SIGKILL:
        raise engine.NoAnswerError("docker compose logs", bound_s)
    return _code(process.returncode)


def _code(ended: int, *, attended: bool = False) -> int:
    """Return the exit code that stands for docker's."""
    if ended < 0:
        return exit_codes.SIGNAL_BASE - ended
    if ended and not attended:
        complain(f"docker ended with {ended}: its output is above")
    return ended
