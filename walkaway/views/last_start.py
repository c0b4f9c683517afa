"""The last start when it made no record: that nothing runs comes first, then why, then what next.

The run before it is named and nothing of its verdict, which is of other code.
"""

from __future__ import annotations

from walkaway.model.last_start import LastStart, Stage
from walkaway.model.run_view import Look
from walkaway.text import Style, printable, roughly
from walkaway.views import phrases
from walkaway.views.phrases import GAP

_MESSAGE_LINES = 3
_COLUMNS = 300


def lines(start: LastStart, style: Style, now_s: float, look: str, before: str = "") -> list[str]:
    """Return what became of the last start.

    ``look``: the command that looks again while it is under way; ``before``: what `of_run` or
    `of_hunt` says of the one before it; ``now_s`` is wall clock.
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


def of_run(look: Look | None, style: Style, task: str) -> str:
    """Return how to ask for the run before it, and nothing of how that ended."""
    if look is None:
        return ""
    standing = "still at work" if look.live else "older"
    return f"{phrases.run_command(style, look, task)} ({standing}: {phrases.label(look.run)})"


def of_hunt(short: str, style: Style) -> str:
    """Return how to ask for the hunt before it; nothing when there is none."""
    return f"{style.command('flaky', '--hunt', short)} (older)" if short else ""


def notice(start: LastStart, style: Style, now_s: float) -> str:
    """Return in one line that the last start made no record; the rest is of the run before it."""
    ago = roughly(now_s - start.at_s)
    first = printable(start.message.strip().partition("\n")[0], _COLUMNS)
    return f"{style.bad('no run came of the last start')}, {ago} ago: {first}"
