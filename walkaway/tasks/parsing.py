"""What Invoke's parser is asked about a start: answered before it, with 64 and the line to type.

Invoke ends with 1 for a word that it does not know, which is the code of failed tests, and takes
`-l` or `-c FILE` behind a task for its own. Tasks that are not ours are left to it.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from walkaway.model import exit_codes
from walkaway.tasks.invoke_adapter import root_of, typed

if TYPE_CHECKING:
    from invoke.program import Program

Flags = Mapping[str, bool]
"""Flags by name, and whether a value follows."""
_BOTH_HAVE = ("-c", "-d", "-f", "-l", "-p", "-r")
"""Short options of Invoke's that are pytest's (or xdist's), too."""


@dataclass(slots=True)
class Line:
    """What was typed, from the first task on, as far as it can be told apart."""

    starts: list[str] = field(default_factory=list)
    """Tasks that start something, before the first word that nobody knows."""
    before: list[str] = field(default_factory=list)
    """Whole tasks before ``task``, with their flags."""
    task: str = ""
    own: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def install() -> None:
    """Stand between Invoke and its parser, once. Does nothing where Invoke's program is not."""
    module = sys.modules.get("invoke.program")
    if module is None or hasattr(module.Program.parse_tasks, "__wrapped__"):
        return
    original = module.Program.parse_tasks

    @functools.wraps(original)
    def parse_tasks(program: Program) -> None:
        from invoke.exceptions import Exit, ParseError

        try:
            original(program)
        except ParseError as error:
            refusal = _refusal(program, error)
            if refusal is None:
                raise
            raise Exit(refusal, code=exit_codes.WRONG_USE) from error
        refusal = _refusal(program, None)
        if refusal is not None:
            raise Exit(refusal, code=exit_codes.WRONG_USE)

    module.Program.parse_tasks = parse_tasks


def _refusal(program: Program, error: Exception | None) -> str | None:
    """Return what to say instead of Invoke, and mark the refused start; None: Invoke goes on."""
    rest = list(program.core.unparsed)
    if error is None and not any(word.startswith(_BOTH_HAVE) for word in rest):
        return None  # nearly always
    starts = _starts(program)
    listed = rest and rest[0] in starts  # `inv test-async -l` has made Invoke take it for a wish
    answers = ("help", "complete") if listed else ("help", "list", "complete")
    if not starts or not rest or any(program.args[name].value for name in answers):
        return None
    flags = {
        name: _flags(program.parser.contexts[name]) for name in _names(program.parser.contexts)
    }
    core = _flags(program.initial_context)
    line = read(rest, flags, core, starts)
    if error is None and not (line.strangers and line.task in starts):
        return None
    typed_body, tail = _parted(program.argv[1:])
    head = typed_body[: len(typed_body) - len(rest)]
    refusal, meant = _advice(line, flags, core, starts, head, tail)
    if not meant:
        return None
    _mark(program, starts[meant], refusal or str(error))
    return refusal or str(error)


def _advice(
    line: Line,
    flags: Mapping[str, Flags],
    core: Flags,
    starts: Mapping[str, str],
    head: list[str],
    tail: list[str],
) -> tuple[str, str]:
    """Return the advice (none: what Invoke says is enough), and the start that is refused."""
    import shlex

    from walkaway.tasks import corrected_line

    def command(line: Line) -> str:
        args = [*line.strangers, *tail]
        words = [*head, *line.before, line.task, *line.own, *(["--", *args] if args else [])]
        return shlex.join(["inv", *words])

    if line.strangers and line.task in starts:
        refusal = corrected_line.unreachable("inv", line.strangers, command(line))
        first = line.strangers[0].partition("=")[0]
        known = [name for name in flags[line.task] if name.startswith("--")]
        if first.startswith("--") and (meant := corrected_line.near(first, known)):
            refusal[1] += f"    (or did you mean {meant}?)"
        return "\n".join(refusal), line.task
    name = line.strangers[0] if line.strangers else ""
    meant = corrected_line.near(name, list(flags)) if name and not name.startswith("-") else ""
    if meant in starts:
        words = [*line.before, *([line.task] if line.task else []), *line.own, meant]
        corrected = read([*words, *line.strangers[1:]], flags, core, starts)
        first = f"inv: there is no task {name!r}: nothing was started. Did you mean"
        return f"{first}\n  {command(corrected)}", meant
    return "", line.starts[-1] if line.starts else ""


def read(
    words: list[str], flags: Mapping[str, Flags], core: Flags, starts: Mapping[str, str]
) -> Line:
    """Tell tasks and their flags from words that are neither: those are meant for pytest.

    ``flags`` are those of each task by its name, ``core`` Invoke's own, ``starts`` the tasks that
    pass words on to pytest. What follows the first stranger and is no flag of the task is one, too.
    """
    line = Line()
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        own = flags.get(line.task, {})
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        both = line.task in starts and word[:2] in _BOTH_HAVE
        if name in own and word.startswith("-"):
            _take(line, word, waiting, own, takes=own[name])
        elif word in flags and not line.strangers:
            line.before += [line.task, *line.own] if line.task else []
            line.task, line.own = word, []
            line.starts += [word] if word in starts else []
        elif name in core and word.startswith("-") and not line.strangers and not both:
            _take(line, word, waiting, own, takes=core[name])
        else:
            line.strangers.append(word)
    return line


def _take(line: Line, word: str, waiting: list[str], own: Flags, *, takes: bool) -> None:
    """Take a flag, and the word behind it when that is its value."""
    line.own.append(word)
    joined = "=" in word if word.startswith("--") else len(word) > 2  # noqa: PLR2004 - `-rA`
    if takes and not joined and waiting and waiting[-1] not in own:
        line.own.append(waiting.pop())


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return what stands before `--` and what follows it."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _starts(program: Program) -> dict[str, str]:
    """Return the names under which this project has our tasks that start something: run or hunt."""
    from walkaway.tasks.corrected_line import TAKE_PYTEST_ARGS

    found: dict[str, str] = {}
    for name, aliases in program.collection.task_names.items():
        task = program.collection[name]
        if task.name in TAKE_PYTEST_ARGS and task.body.__module__.startswith("walkaway.tasks."):
            kind = "hunt" if task.name == "flaky" else "run"
            found |= dict.fromkeys((name, *aliases), kind)
    return found


def _names(contexts: Any) -> list[str]:  # noqa: ANN401 - Invoke's Lexicon
    return [*contexts, *contexts.aliases]


def _flags(context: Any) -> dict[str, bool]:  # noqa: ANN401 - Invoke's ParserContext
    found = {name: bool(context.flags[name].takes_value) for name in _names(context.flags)}
    return found | dict.fromkeys(context.inverse_flags, False)


def _mark(program: Program, kind: str, message: str) -> None:
    from walkaway.hunting.store import last_start_of
    from walkaway.runs import last_start

    place = last_start_of(root_of(program.config), os.environ, kind)
    last_start.refuse(place, typed(), exit_codes.WRONG_USE, message)
