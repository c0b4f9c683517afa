"""Entry points: `python -m walkaway make TASK` runs a task for make, `... init` offers files.

make can pass text unchanged only through the environment. WALKAWAY_ARGS holds pytest's arguments
and WALKAWAY_OPTS the task's own, each as one shell line that no shell has read. Here they become an
argv list, and Invoke runs in this process, because a second process would cost another start.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import NoReturn

from walkaway.model.exit_codes import NOT_STARTABLE, WRONG_USE

_USAGE = """\
usage: python -m walkaway init [--write] [--json]   what a project needs to use walkaway
       python -m walkaway make TASK                 for Makefiles; `inv --list` is for people
"""
TAKE_PYTEST_ARGS = frozenset({"test", "test-async", "flaky", "ci"})


def words(variable: str, task: str) -> list[str]:
    """Remove `WALKAWAY_<variable>` from the environment and split it as a shell would."""
    text = os.environ.pop(f"WALKAWAY_{variable}", "")
    try:
        return shlex.split(text)
    except ValueError as error:
        message = f"make: {variable} cannot be split: {error} in {text[:200]!r}"
        refuse(task, WRONG_USE, message)


def refuse(task: str, code: int, message: str) -> NoReturn:
    """Exit with a message. If the task starts something, record it for the next look."""
    sys.stderr.write(f"{message}\n")
    if task in TAKE_PYTEST_ARGS:
        from pathlib import Path

        from walkaway.hunting.store import last_start_of
        from walkaway.runs import last_start

        place = last_start_of(Path.cwd(), os.environ, "hunt" if task == "flaky" else "run")
        last_start.refuse(place, f"make {task}", code, message)
    sys.exit(code)


def invoke_argv(task: str, options: list[str], args: list[str]) -> list[str]:
    """Return Invoke's command line. No parser of ours reads what follows `--`: it is pytest's."""
    if task in TAKE_PYTEST_ARGS:
        return ["inv", task, *options, *(["--", *args] if args else [])]
    return ["inv", task, *options, *args]


def main() -> None:
    match sys.argv[1:]:
        case ["make", task]:
            make(task)
        case ["init", *flags] if set(flags) <= {"--write", "--json"}:
            sys.exit(init(write="--write" in flags, json="--json" in flags))
        case ["--help" | "-h"] | [_, "--help" | "-h"]:
            sys.stdout.write(_USAGE)
        case _:
            sys.stderr.write(_USAGE)
            sys.exit(WRONG_USE)


def init(*, write: bool, json: bool) -> int:
    """Show or write what the project in the current folder needs. Return the exit code."""
    from pathlib import Path

    from walkaway.errors import WalkawayError
    from walkaway.scaffold import init as scaffold
    from walkaway.tasks import ns
    from walkaway.views import scaffold as view

    root = Path.cwd()
    texts: dict[str, str] = {}
    for name, aliases in ns.task_names.items():
        texts[name] = str(ns[name].__doc__).partition("\n")[0].rstrip(".")
        texts |= dict.fromkeys(aliases, f"the same as {name}")
    try:
        found = scaffold.look(root, scaffold.Targets(texts, TAKE_PYTEST_ARGS))
        if write:
            found = scaffold.write(root, found)
    except WalkawayError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.code
    if json:
        from json import dumps

        sys.stdout.write(dumps(view.as_json(found, str(root), written=write)) + "\n")
    else:
        rows = view.lines(found, str(root), written=write)
        sys.stdout.write("".join(f"{row}\n" for row in rows))
    return 0


def make(task: str) -> None:
    """Run a task with the arguments that make left in the environment."""
    args, options = words("ARGS", task), words("OPTS", task)
    try:
        from invoke.main import program
    except ImportError as error:
        message = (
            f"walkaway: {sys.prefix} lacks Invoke ({error}). If Python was upgraded:\n"
            "delete .venv, then run the same command again."
        )
        refuse(task, NOT_STARTABLE, message)
    # Tasks read pytest's arguments from sys.argv, because Invoke's copy has lost their quoting.
    sys.argv = invoke_argv(task, options, args)
    program.run(sys.argv)


if __name__ == "__main__":
    main()
