"""Tests and their results, a line each: made for grep, too."""

from __future__ import annotations

from collections.abc import Sequence

from walkaway.model.look import Look
from walkaway.model.words import BAD, Result
from walkaway.views import phrases
from walkaway.views.phrases import GAP
from walkaway.views.style import Style, duration, middle, printable

_UNTIMED = frozenset({Result.LOST, Result.NOT_RUN, Result.NO_RESULT, "running", "waiting"})


def lines(
    look: Look, rows: Sequence[tuple[str, str, float, str]], style: Style, more: int
) -> list[str]:
    """Return `FAILED  tests/a.py::test_x  1.2 s  reason` for each (id, result, seconds, reason).

    ``more`` counts rows that were left out. Node ids stand whole where no terminal reads.
    """
    if not rows:
        parts = ("no such test", look.run.short, phrases.label(look.run), _until(look, style))
        return [GAP.join(part for part in (*parts, phrases.since_end(look, style)) if part)]
    width = max(len(result) for _, result, _, _ in rows)
    found = [_row(row, style, width) for row in rows]
    if more:
        hint = phrases.run_command(style, look, "results", "--match")
        found.append(f"+ {more:,} more: narrow it by --result, or by {hint} TEXT")
    if look.live:
        found.append(f"{_until(look, style)}{GAP}{phrases.following(style, _wait(look, style))}")
    elif look.since_end is not None:
        # Without its outcome: who counts lines with PASSED counts tests.
        found.append(f"run {look.run.short} {phrases.since_end(look, style)}")
    return found


def _row(row: tuple[str, str, float, str], style: Style, width: int) -> str:
    nodeid, result, seconds, reason = row
    word = printable(result, 20).upper().ljust(width)
    if result in BAD or result == Result.LOST:
        word = style.bad(word)
    elif result == Result.PASSED:
        word = style.good(word)
    name = middle(nodeid, max(40, style.width - 24)) if style.terminal else printable(nodeid)
    parts = [word, name]
    if result not in _UNTIMED:
        parts.append(style.dim(duration(seconds)))
    if reason.strip():
        parts.append(printable(reason.strip().partition("\n")[0], 120))
    return GAP.join(parts)


def _until(look: Look, style: Style) -> str:
    return f"{phrases.standing(look, style)} {phrases.done_of(look.counts)}"


def _wait(look: Look, style: Style) -> str:
    return phrases.run_command(style, look, "wait")
