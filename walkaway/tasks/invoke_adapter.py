"""Where Invoke is met: what a task is told of its surroundings, and how its end becomes a code."""

from __future__ import annotations

import functools
import io
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invoke.config import Config, DataProxy
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from walkaway import settings
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import Origin
from walkaway.record.store import Record, Records
from walkaway.runs import last_start, origin, select
from walkaway.text import Style

_BROKEN_PIPE = exit_codes.SIGNAL_BASE + 13
RUN_HELP = "which run: four hex digits, part of an id, or latest (of this terminal or agent)"
JSON_HELP = "print one JSON object"


@dataclass(frozen=True, slots=True)
class Here:
    """The surroundings of one task call."""

    root: Path
    environ: Mapping[str, str]
    config: Mapping[str, Any]
    agent: bool
    ci: bool
    attended: bool
    """Somebody sits at a terminal, whether it can show colours or not."""
    terminal: bool
    """Colour and a live bar are wanted."""
    style: Style

    @property
    def records(self) -> Records:
        """The records of this checkout."""
        return Records(self.root)

    def origin(self) -> Origin:
        """Who is asking."""
        return origin.detect(self.environ)

    def marked_start(self) -> AbstractContextManager[None]:
        """Mark the start of a run until it has succeeded, so that a look can tell of it."""
        return last_start.marked(self.last_start(), typed())

    def last_start(self) -> last_start.MarkPlace:
        """Return where the last start of a run is marked."""
        return last_start.of_runs(self.records, self.origin().key, self.environ)

    def settings(self) -> settings.Settings:
        """The checked configuration."""
        return settings.read(self.config, self.environ, ci=self.ci)

    def record(self, selector: str | None) -> Record:
        """Return the record that --run means; None when it was not given."""
        return select.choose(self.records, selector, self.origin())


def here(context: Context) -> Here:
    """Look around: the project's root, who reads the output, and how wide."""
    environ = dict(os.environ)
    agent, ci = origin.is_agent(environ), origin.is_ci(environ)
    attended = sys.stdout.isatty() and not agent and not ci
    terminal = attended and environ.get("TERM") != "dumb" and not environ.get("NO_COLOR")
    width = shutil.get_terminal_size((120, 24)).columns if attended else 160
    return Here(
        root=root_of(context.config),
        environ=environ,
        config=settings.gather(_configured(context), environ),
        agent=agent,
        ci=ci,
        attended=attended,
        terminal=terminal,
        style=Style(terminal=terminal, agent=agent, width=width, program="inv"),
    )


def _configured(context: Context) -> object:
    """Return what tasks.py and invoke.yaml put under `walkaway`, whatever it is."""
    found = context.config.get("walkaway")
    return dict(found.items()) if isinstance(found, DataProxy) else found


def current_folder() -> Path:
    """Return the folder where the caller stands. `WalkawayError` 64 when it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        message = "The current folder no longer exists: change into another one."
        raise WalkawayError(message, exit_codes.WRONG_USE) from error


def root_of(config: Config) -> Path:
    """Return the folder where tasks.py was found: tasks run in the caller's folder."""
    prefix = getattr(config, "_project_prefix", None)
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
    # Closed by the shell (`>&-`): there is nobody to print to.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An id that the terminal's encoding does not know must not hide a verdict.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = call() or 0
        sys.stdout.flush()
    except WalkawayError as error:
        complain(error.message.rstrip())
        return error.code
    except KeyboardInterrupt:
        return exit_codes.CTRL_C
    except BrokenPipeError:
        # `inv log | head`: the reader has what it wanted.
        _drop_output()
        return _BROKEN_PIPE
    return code


def _drop_output() -> None:
    """Send what is still buffered nowhere: Python must not fail at exit, too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(lines: Iterable[str]) -> None:
    """Print lines."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # Nobody may take a lost answer for one: neither 0 nor a verdict's code.
        _drop_output()
        message = f"The output cannot be written: {error.strerror}."
        raise WalkawayError(message, _BROKEN_PIPE) from error


def complain(line: str) -> None:
    """Print a line to stderr: one that is no part of the answer."""
    sys.stdout.flush()
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def say_json(data: object) -> None:
    """Print one JSON object on one line."""
    text = json.dumps(data, ensure_ascii=False, default=str)
    say([text.encode("utf-8", "replace").decode()])


def remainder(context: Context) -> tuple[str, ...]:
    """Return what followed `--`, word for word.

    Invoke joins it with spaces; the tail of our own argv has the words when it re-joins to that.
    """
    joined = context.remainder
    if "--" in sys.argv:
        tail = sys.argv[sys.argv.index("--") + 1 :]
        if " ".join(tail) == joined:
            return tuple(tail)
    try:
        return tuple(shlex.split(joined))
    except ValueError as error:
        message = f"The arguments after -- cannot be split: {error} in {joined!r}."
        raise WalkawayError(message, exit_codes.WRONG_USE) from error


def typed() -> str:
    """Return the line that was typed, as one would type it again."""
    return shlex.join(["inv", *sys.argv[1:]])


def whole(value: str, name: str, least: int = 0) -> int:
    """Read a whole number given as a flag; `WalkawayError` 64 for anything else."""
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if number < least:
        message = f"--{name} is {value!r}: give a whole number, {least} or more."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return number
