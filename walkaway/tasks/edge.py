"""Where Invoke is met: what a task is told of its surroundings, and how its end becomes a code."""

from __future__ import annotations

import functools
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from walkaway.errors import WalkawayError
from walkaway.model import exitcodes
from walkaway.model.run import Origin
from walkaway.runs import choose, origin, settings
from walkaway.runs.store import Record, Records
from walkaway.views.style import Style

_BROKEN_PIPE = exitcodes.SIGNAL_BASE + 13
RUN_HELP = "which run: four hex digits, a part of an id, or latest (of this terminal or agent)"
JSON_HELP = "print one JSON object"


@dataclass(frozen=True, slots=True)
class Here:
    """The surroundings of one task call."""

    root: Path
    environ: Mapping[str, str]
    config: Mapping[str, Any]
    agent: bool
    ci: bool
    terminal: bool
    style: Style

    @property
    def records(self) -> Records:
        """The records of this checkout."""
        return Records(self.root)

    def origin(self) -> Origin:
        """Who is asking."""
        return origin.detect(self.environ)

    def settings(self) -> settings.Settings:
        """The checked configuration."""
        return settings.read(self.config, self.environ, ci=self.ci)

    def record(self, selector: str) -> Record:
        """Return the record that --run means."""
        return choose.choose(self.records, selector, self.origin())


def here(context: Context) -> Here:
    """Look around: the project's root, who reads the output, and how wide."""
    environ = dict(os.environ)
    agent, ci = origin.is_agent(environ), origin.is_ci(environ)
    tty = sys.stdout.isatty() and environ.get("TERM") != "dumb"
    terminal = tty and not agent and not ci and "NO_COLOR" not in environ
    width = shutil.get_terminal_size((120, 24)).columns if tty else 160
    config = context.config.get("walkaway", {})
    return Here(
        root=_root(context),
        environ=environ,
        config={key: config[key] for key in config},
        agent=agent,
        ci=ci,
        terminal=terminal,
        style=Style(terminal=terminal, agent=agent, width=width, program="inv"),
    )


def _root(context: Context) -> Path:
    """Return the folder where tasks.py was found: tasks run in the caller's folder."""
    prefix = getattr(context.config, "_project_prefix", None)
    if prefix:
        return Path(prefix).resolve()
    folder = Path.cwd()
    for candidate in (folder, *folder.parents):
        if (candidate / "tasks.py").exists() or (candidate / "tasks").is_dir():
            return candidate
    return folder


def task(
    *, name: str, aliases: Iterable[str] = (), flags: Mapping[str, str] | None = None
) -> Callable[[Callable[..., int | None]], Task[Any]]:
    """Make a function an Invoke task. It returns its exit code, None for 0.

    Short flags are off: Invoke makes them up from the order of arguments (its issue 973).
    """

    def decorate(function: Callable[..., int | None]) -> Task[Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Invoke's arguments
            code = _guarded(functools.partial(function, *args, **kwargs))
            if code:
                raise Exit(code=code)

        made: Task[Any] = invoke_task(
            name=name, aliases=tuple(aliases), help=dict(flags or {}), auto_shortflags=False
        )(run)
        return made

    return decorate


def _guarded(call: Callable[[], int | None]) -> int:
    try:
        code = call() or 0
        sys.stdout.flush()
    except WalkawayError as error:
        sys.stdout.flush()
        sys.stderr.write(error.message.rstrip() + "\n")
        return error.code
    except KeyboardInterrupt:
        return exitcodes.CTRL_C
    except BrokenPipeError:
        # `inv log | head`: the reader has what it wanted. Python must not fail at exit, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return code


def say(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        print(line)
    sys.stdout.flush()


def say_json(data: object) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(data, ensure_ascii=False, default=str).encode("utf-8", "replace").decode())


def remainder(context: Context) -> tuple[str, ...]:
    """Return what followed `--`, word for word.

    Invoke joins it with spaces; the tail of our own argv has the words when it re-joins to that.
    """
    joined = context.remainder
    if not joined:
        return ()
    for index, word in enumerate(sys.argv):
        if word == "--" and " ".join(sys.argv[index + 1 :]) == joined:
            return tuple(sys.argv[index + 1 :])
    try:
        return tuple(shlex.split(joined))
    except ValueError as error:
        message = f"What follows -- cannot be split: {error} in {joined!r}."
        raise WalkawayError(message, exitcodes.WRONG_USE) from error


def whole(value: str, name: str, least: int = 0) -> int:
    """Read a whole number given as a flag; `WalkawayError` 64 for anything else."""
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if number < least:
        message = f"--{name} is {value!r}: give a whole number, {least} or more."
        raise WalkawayError(message, exitcodes.WRONG_USE)
    return number
