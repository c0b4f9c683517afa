"""View of `runs`: the runs of a checkout, newest first, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from walkaway.model.run_view import RunView
from walkaway.text import Style, columns, duration, middle, printable, roughly
from walkaway.views import phrases
from walkaway.views.phrases import GAP

_LEAST_COLUMNS = 20


def lines(looks: Sequence[RunView], style: Style, more: int, now_s: float) -> list[str]:
    """Return id, standing, done/total, duration, age, origin and arguments of each run.

    ``more`` counts older runs that were left out. ``now_s`` is wall-clock time, seconds since the
    epoch.
    """
    if not looks:
        return ["no runs here yet", phrases.following(style, style.command("test-async"))]
    shorts = Counter(look.run.short for look in looks)
    plain = Style(width=style.width)
    table = [_cells(look, plain, now_s, shorts[look.run.short] > 1) for look in looks]
    widths = [max(columns(row[i]) for row in table) for i in range(len(table[0]))]
    found = []
    for look, row in zip(looks, table, strict=True):
        padded = [
            cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        padded[1] = phrases.standing(look, style) + padded[1][len(row[1]) :]
        found += _row(padded, widths, phrases.label(look.run), style)
    if more:
        found.append(f"+ {more:,} older")
    return [*found, _next(looks, style)]


def _row(cells: Sequence[str], widths: Sequence[int], label: str, style: Style) -> list[str]:
    """Return a run's line. On a terminal that is too narrow, break it between cells."""
    whole = GAP.join((*cells, label))
    if not style.terminal or sum(widths) + len(GAP) * len(widths) + columns(label) <= style.width:
        return [whole]
    margin = widths[0] + len(GAP)
    if margin > style.width // 2:
        margin = len(GAP)
    label = middle(label, max(_LEAST_COLUMNS, style.width - margin))
    rows, used = [cells[0]], widths[0]
    for cell, width in zip((*cells[1:], label), (*widths[1:], columns(label)), strict=True):
        if used + len(GAP) + width > style.width:
            rows.append(" " * margin + cell)
            used = margin + width
        else:
            rows[-1] += GAP + cell
            used += len(GAP) + width
    return [row.rstrip() for row in rows]


def _cells(look: RunView, style: Style, now_s: float, twice: bool) -> tuple[str, ...]:  # noqa: FBT001
    counts = look.counts
    done = f"{counts.done:,}/{counts.expected:,}" if counts.expected else "-"
    return (
        look.run.id if twice else look.run.short,
        phrases.standing(look, style),
        f"{done}, {counts.bad:,} bad" if counts.bad else done,
        duration(look.elapsed_s),
        f"{roughly(now_s - look.run.created_s)} ago",
        printable(look.run.origin.kind, 12),
    )


def _next(looks: Sequence[RunView], style: Style) -> str:
    """Return how to ask about the newest live run, or about the newest if none is live."""
    chosen = next((look for look in looks if look.live), looks[0])
    task = "failures" if chosen.counts.bad and not chosen.live else "progress"
    return phrases.following(style, phrases.run_command(style, chosen, task))
