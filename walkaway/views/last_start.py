"""View of a last start that made no record: first that nothing runs, then why, then what is next.

Names the run before it, but not that run's verdict, which is about other code.
"""

from __future__ import annotations

from walkaway.model.last_start import LastStart, Stage
from walkaway.model.run_view import RunView
from walkaway.text import Style, printable, roughly
from walkaway.views import phrases
from walkaway.views.phrases import GAP

_MESSAGE_LINES = 3
_COLUMNS = 300


def lines(start: LastStart, style: Style, now_s: float, look: str, before: str = "") -> list[str]:
    """Return what became of the last start.

    ``look`` is the command to look again while the start is under way. ``before`` is what `of_run`
    or `of_hunt` says about the run or hunt before it. ``now_s`` is wall-clock time.
    """
    age = roughly(now_s - start.at_s)
    first, *rest = start.message.strip().splitlines()[:_MESSAGE_LINES] or [""]
    first = printable(first, _COLUMNS)
    if start.stage is Stage.STARTING:
        parts = [style.bold("STARTING"), f"for {age}, and no record yet"]
        todo = look
    elif start.stage is Stage.DIED:
        parts = [style.bad("NOT STARTED"), f"the last start, {age} ago: {first}"]
        todo = "start again"
    else:
        parts = [style.bad("REFUSED"), f"the last start, {age} ago: {first}"]
        todo = "fix that and start again"
    if start.stage is not Stage.STARTING:
        parts.append(f"exit {start.code}")
    typed = printable(start.command, _COLUMNS)
    return [
        GAP.join(parts),
        *[f"{style.dim('|')} {printable(row, _COLUMNS)}" for row in rest if row.strip()],
        *([f"{style.dim('typed:')} {typed}"] if typed else []),
        phrases.following(style, *filter(None, (todo, before))),
    ]


def of_run(look: RunView | None, style: Style, task: str) -> str:
    """Return how to ask about the run before it, without saying how that ended."""
    if look is None:
        return ""
    standing = "still running" if look.live else "older"
    return f"{phrases.run_command(style, look, task)} ({standing}: {phrases.label(look.run)})"


def of_hunt(short: str, style: Style) -> str:
    """Return how to ask about the hunt before it; empty when there is none."""
    return f"{style.command('flaky', '--hunt', short)} (older)" if short else ""


def notice(start: LastStart, style: Style, now_s: float) -> str:
    """Return one line that says that the last start made no record.

    What follows is about the run before.
    """
    ago = roughly(now_s - start.at_s)
    first = printable(start.message.strip().partition("\n")[0], _COLUMNS)
    return f"{style.bad('the last start made no run')}, {ago} ago: {first}"
