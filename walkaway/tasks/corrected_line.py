"""Tell what a refused `make` or `inv` line should have been.

    corrected_line.py PID TASK...

The Makefile calls it so, by its path, with whatever Python there is: standard library only. PID is
make's, whose words are read from /proc; TASK... are the targets that there are. Prints at most two
lines on stderr and starts nothing. For `inv` it is imported by `walkaway.tasks.parsing`.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

TAKE_PYTEST_ARGS = ("test", "test-async", "flaky", "ci")
"""The tasks that start something, and pass on what follows `--`."""
MISNAMED = {
    **dict.fromkeys(("ARG", "Args", "arg", "args"), "ARGS"),
    **dict.fromkeys(("FLAGS", "OPT", "OPTIONS", "Opts", "opt", "opts"), "OPTS"),
}
RUN_ID = re.compile(r"[0-9a-f-]{4,}")
SETTING = re.compile(r"[A-Za-z_]\w*[:?+]?=", re.ASCII)


def command_line(pid: str) -> list[str]:
    """Words of the process's command line, as typed; [] where there is no /proc."""
    try:
        raw = Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return []
    return [word.decode(errors="surrogateescape") for word in raw.split(b"\0")[:-1]]


def quoted(text: str) -> str:
    """`text` as one word for a shell, in the quotes that read best."""
    if "'" in text and not re.search(r'["$`\\!]', text):
        return f'"{text}"'
    return f"'{text}'" if "'" not in text else shlex.quote(text)


def split_line(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part make's words into variables (`NAME=value`) and the rest."""
    settings: list[str] = []
    rest: list[str] = []
    for i, word in enumerate(words):
        # What follows -o or -W is that option's own, also when it has a `=`.
        own = words[i - 1] in {"-o", "-W"}
        (settings if SETTING.match(word) and not own else rest).append(word)
    return settings, rest


def advice(words: Sequence[str], tasks: Sequence[str]) -> list[str]:
    """At most two lines: what is wrong, and the corrected line. `words` begins with `make`."""
    if not words:  # no /proc, so what was typed is not known
        return [
            "make: a word here is not a target. pytest's arguments go into ARGS:",
            "  make test-async ARGS='-m slow'",
        ]
    goal = next((i for i, word in enumerate(words) if i and word in tasks), None)
    if goal is None:
        return [no_target(words, tasks)]
    task = words[goal]
    settings, rest = split_line(words[goal + 1 :])
    before = list(words[:goal])
    rest = [word for word in before[1:] if is_stranger(before, word)] + rest
    before = [word for word in before if word == before[0] or not is_stranger(before, word)]
    if misnamed := [word for word in settings if word.partition("=")[0] in MISNAMED]:
        name, _, value = misnamed[0].partition("=")
        right = MISNAMED[name]
        lines = [f"make: no variable named {name}: nothing was started. Use"]
        settings[settings.index(misnamed[0])] = f"{right}={value}"
        return [*lines, f"  {shown_line([*before, task], settings)}"]
    if task not in TAKE_PYTEST_ARGS:
        run = next((word for word in rest if RUN_ID.fullmatch(word)), None)
        flag = f"--run {run}" if run else "--flag"
        return [
            f"make: {named(rest)} is not a target: nothing was started. Flags of {task} go into",
            f"  make {task} OPTS={quoted(flag)}    (`make` lists targets, inv --help {task} flags)",
        ]
    line = shown_line([*before, task], [*settings, f"ARGS={shlex.join(rest)}"])
    lines = unreachable("make", rest, line)
    if all(word.startswith("-") for word in rest):  # no stranger: make could have meant them
        lines[1] += f"    (or, for make's own: {shlex.join(['make', *rest, *before[1:], task])})"
    return lines


def unreachable(program: str, words: Sequence[str], line: str) -> list[str]:
    """Say that words would not reach pytest, and with which line they do."""
    return [
        f"{program}: {named(words)} would not reach pytest: nothing was started. Use",
        f"  {line}",
    ]


def named(words: Sequence[str]) -> str:
    """Return words as they were typed, shortened."""
    return textwrap.shorten(shlex.join(words), 60, placeholder=" …")


def near(name: str, tasks: Sequence[str]) -> str:
    """Return the task that a name is most like; empty when it is like none."""
    return next(iter(difflib.get_close_matches(name, tasks, n=1)), "")


def no_target(words: Sequence[str], tasks: Sequence[str]) -> str:
    """Say that there is no such target."""
    name = first_stranger(words)
    meant = near(name, tasks)
    hint = f"did you mean `make {meant}`? " if meant else ""
    return f"make: no target named {name!r}: {hint}`make` lists what there is."


def first_stranger(words: Sequence[str]) -> str:
    """Return the first goal that make does not know."""
    return next((word for word in words[1:] if is_stranger(words, word)), "?")


def is_stranger(words: Sequence[str], word: str) -> bool:
    """Whether a word is a goal that make does not know: no option, no option's, no setting."""
    option = words[words.index(word) - 1] in {"-C", "-f", "-I", "-j", "-l", "-o", "-W"}
    return not (word.startswith("-") or SETTING.match(word) or option or word == words[0])


def shown_line(head: Sequence[str], settings: Sequence[str]) -> str:
    """Show the line with one ARGS, of all that was meant for it."""
    values = [word.partition("=")[2] for word in settings if word.startswith("ARGS=")]
    others = [word for word in settings if not word.startswith("ARGS=")]
    line = shlex.join(["make", *head[1:], *others])
    return f"{line} ARGS={quoted(' '.join(filter(None, values)))}" if values else line


def started(words: Sequence[str], tasks: Sequence[str]) -> str:
    """Return which task a refused line was to start; empty when it was none of those that do."""
    goal = next((word for word in words[1:] if word in tasks), "") or near(
        first_stranger(words), tasks
    )
    return goal if goal in TAKE_PYTEST_ARGS else ""


def mark(task: str, words: Sequence[str], lines: Sequence[str]) -> None:
    """Leave a mark of the refused start, as the tasks do, so that no look tells of an older run.

    Refusing goes on where that cannot be: with a Python that the tasks are not made for.
    """
    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root))
    with contextlib.suppress(Exception):
        from walkaway.hunting.store import last_start_of

        place = last_start_of(root, os.environ, "hunt" if task == "flaky" else "run")
        from walkaway.model.exit_codes import WRONG_USE
        from walkaway.runs.last_start import refuse

        refuse(place, shlex.join(words), WRONG_USE, "\n".join(lines))


def main() -> None:
    pid, *tasks = sys.argv[1:]
    words = command_line(pid)
    lines = advice(words, tasks)
    for line in lines:
        print(line.encode(errors="backslashreplace").decode(), file=sys.stderr)
    if task := started(words, tasks):
        mark(task, words, lines)


if __name__ == "__main__":
    main()
