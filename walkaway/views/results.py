"""View of `results`: one line per test, also suited to grep."""

from __future__ import annotations

from collections.abc import Sequence

from walkaway.model import standing
from walkaway.model.run_view import RunView
from walkaway.model.vocabulary import BAD, Result
from walkaway.text import Style, columns, duration, middle, printable, wrapped
from walkaway.views import phrases
from walkaway.views.phrases import GAP

_REASON_COLUMNS = 120
_LEAST_COLUMNS = 20
_UNTIMED = frozenset({
    Result.LOST, Result.NOT_RUN, Result.NO_RESULT,
    standing.RUNNING, standing.WAITING, standing.UNKNOWN,
})  # fmt: skip


def lines(
    look: RunView, rows: Sequence[tuple[str, str, float, str]], style: Style, more: int
) -> list[str]:
    """Return `FAILED  tests/a.py::test_x  1.2 s  reason` for each (id, result, seconds, reason).

    ``more`` counts rows that were left out. Without a terminal, node ids are not shortened.
    """
    if not rows:
        parts = ("no such test", look.run.short, phrases.label(look.run), _until(look, style))
        line = GAP.join(part for part in (*parts, phrases.since_end(look, style)) if part)
        return _fit(line, style)
    width = max(len(result) for _, result, _, _ in rows)
    found = [line for row in rows for line in _row(row, style, width)]
    if more:
        hint = phrases.run_command(style, look, "results", "--match")
        found += _fit(f"+ {more:,} more: narrow it by --result, or by {hint} TEXT", style)
    if look.live:
        last = f"{_until(look, style)}{GAP}{phrases.following(style, _wait(look, style))}"
        found += _fit(last, style)
    elif look.since_end is not None:
        # Without the outcome, so that counting lines with PASSED counts tests.
        found += _fit(f"run {look.run.short} {phrases.since_end(look, style)}", style)
    return found


def _fit(line: str, style: Style) -> list[str]:
    return wrapped(line, style.width, len(GAP)) if style.terminal else [line]


def _row(row: tuple[str, str, float, str], style: Style, width: int) -> list[str]:
    """Return a test's line.

    On a terminal, shorten its id and give a long reason lines of its own.
    """
    nodeid, result, seconds, reason = row
    word = printable(result, 20).upper().ljust(width)
    time = "" if result in _UNTIMED else duration(seconds)
    why = printable(reason.strip().partition("\n")[0], _REASON_COLUMNS)
    room = style.width - len(word) - len(GAP) - (len(GAP) + len(time) if time else 0)
    name = middle(nodeid, max(_LEAST_COLUMNS, room)) if style.terminal else printable(nodeid)
    if result in BAD or result == Result.LOST:
        word = style.bad(word)
    elif result == Result.PASSED:
        word = style.good(word)
    parts = [word, name, *([style.dim(time)] if time else [])]
    left = room - columns(name) - len(GAP)
    if not why:
        return [GAP.join(parts)]
    if not style.terminal or columns(why) <= left:
        return [GAP.join((*parts, why))]
    margin = " " * (width + len(GAP))
    return [GAP.join(parts), *wrapped(margin + why, style.width, len(margin))]


def _until(look: RunView, style: Style) -> str:
    return f"{phrases.standing(look, style)} {phrases.done_of(look.counts)}"


def _wait(look: RunView, style: Style) -> str:
    return phrases.run_command(style, look, "wait")
