"""Phrases that several views share: a run's name, counts, tests and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from walkaway.model.run import Run
from walkaway.model.run_view import Counts, RunView, TreeState
from walkaway.model.vocabulary import BAD, Outcome, Result, Status
from walkaway.text import Style, many, middle, printable, roughly

_ORDER = (
    "failed", "error", "crashed", "unknown", "passed", "skipped", "xfailed", "xpassed", "subfailed",
)  # fmt: skip
_LABEL_COLUMNS = 80
_GREEN = frozenset({Outcome.PASSED, Outcome.NOTHING_RUN})
_PLAIN = Style()
GAP = "  "


def label(run: Run) -> str:
    """Return the arguments as given, shortened."""
    return printable(run.label, _LABEL_COLUMNS) or "all tests"


def standing(look: RunView, style: Style) -> str:
    """Return a run's status or outcome as the first word of an answer: RUNNING, TIMED OUT.

    Where a plugin made a run pass despite failures: PASSED as a plugin decided: 1 failed.
    """
    word: str = look.ended.outcome if look.ended else look.status
    text = word.replace("-", " ").upper()
    if look.ended is None:
        return style.warn(text) if look.status is Status.UNKNOWN else style.bold(text)
    if forgiven(look):
        return style.warn(f"{text} as a plugin decided: {failed(look.counts)}")
    return style.good(text) if look.ended.outcome in _GREEN else style.bad(text)


def forgiven(look: RunView) -> bool:
    """Return whether a run passed despite failures, because a plugin made pytest exit with 0."""
    return bool(look.ended and look.ended.outcome is Outcome.PASSED and failed(look.counts))


def failed(counts: Counts) -> str:
    """Return what failed: `1 failed, 2 errors`, or nothing."""
    names = {*BAD, "subfailed"}
    by_result = {name: n for name, n in counts.by_result.items() if name in names}
    return counted(replace(counts, by_result=by_result), _PLAIN)


def who(look: RunView, style: Style) -> str:
    """Return the start of a first line: standing, short id, arguments."""
    return GAP.join((standing(look, style), look.run.short, *place(look.run), label(look.run)))


def place(run: Run) -> tuple[str, ...]:
    """Return where a run is; empty where it could only be here."""
    if run.backend == "compose":
        return ("in Compose",)
    return ("local",) if run.named else ()


def why_here(run: Run) -> tuple[str, ...]:
    """Return `place` for whoever starts a run: why it is local, and whose pytest it uses.

    The latter only where another pytest could be expected.
    """
    found = (f"local: {run.fell_back}",) if run.fell_back else place(run)
    return (*found, f"python: {printable(run.python, 300)}") if run.python else found


def counted(counts: Counts, style: Style) -> str:
    """Return the counts by result, bad ones first: `1 failed, 43 passed`."""
    found = {name: n for name, n in counts.by_result.items() if n}
    names = [name for name in _ORDER if name in found]
    names += sorted(name for name in found if name not in _ORDER)
    parts = [_count(name, found[name], style) for name in names]
    if counts.collection_errors:
        parts.insert(0, style.bad(many(counts.collection_errors, "collection error")))
    return ", ".join(parts)


def _count(name: str, n: int, style: Style) -> str:
    if name == "subfailed":
        return style.bad(f"{many(n, 'subtest')} failed")
    text = f"{n:,} {'errors' if name == Result.ERROR and n > 1 else printable(name, 20)}"
    if name in BAD:
        return style.bad(text)
    return style.good(text) if name == Result.PASSED else text


def done_of(counts: Counts) -> str:
    """Return `45/120 37%`; never 100 % before the last test has reported."""
    if not counts.expected:
        return f"{counts.done:,} done"
    share = min(counts.done, counts.expected) * 100 // counts.expected
    return f"{counts.done:,}/{counts.expected:,} {share}%"


def path(run: Run, whole: str) -> str:
    """Return a path as typed in the checkout: relative when it is inside."""
    inside = run.root.rstrip("/") + "/"
    return printable(whole.removeprefix(inside))


def edits(look: RunView) -> str:
    """Return how many files were edited since the run began, or nothing."""
    n = look.tree.nchanged
    return f"edited since: {many(n, 'file')}" if n else ""


def since_end(look: RunView, style: Style) -> str:
    """Return `ended 11 min ago; 1 file changed since`; empty for a verdict just waited for."""
    found = look.since_end
    if found is None:
        return ""
    changed = "whether files changed since is not known"
    if found.tree is TreeState.SAME:
        changed = "no file changed since"
    elif found.tree is TreeState.CHANGED:
        files = "files" if found.nchanged is None else many(found.nchanged, "file")
        changed = style.warn(f"{files} changed since")
    return f"ended {roughly(found.ended_s)} ago; {changed}"


def ids(
    names: Sequence[str], style: Style, most: int, *, left: int = 0, width: int = 0
) -> list[str]:
    """Return at most ``most`` node ids and `+ 35 more`. Without a terminal: one line if they fit.

    ``left`` counts tests beyond ``names``. ``width`` limits a line; 0 means the style's width. A
    line with several ids names each file once: `tests/a.py::test_x ::test_y`.
    """
    width = width or style.width - 4
    shown, left = names[:most], left + max(0, len(names) - most)
    more = f"+ {left:,} more" if left else ""
    if style.terminal:
        return [middle(name, width) for name in shown] + [more][: bool(more)]
    parts: list[str] = []
    before = ""
    for name in shown:
        file, colons, rest = name.partition("::")
        parts.append(printable(colons + rest) if colons and file == before else printable(name))
        before = file
    line = " ".join([*parts, more][: len(parts) + bool(more)])
    if len(line) <= width:
        return [line] if line else []
    rows = [middle(name, width) for name in shown]
    return [*rows[:-1], f"{rows[-1]} {more}".rstrip()] if rows else []


def run_command(style: Style, look: RunView, task: str, *words: str) -> str:
    """Return a command about this run."""
    return style.command(task, "--run", look.run.short, *words)


def following(style: Style, *commands: str) -> str:
    """Return the last line: what to do next."""
    return style.dim("next:") + " " + "  or  ".join(commands)
