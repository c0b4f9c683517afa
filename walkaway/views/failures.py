"""View of `failures`: grouped by cause, with enough to fix each and the command to rerun it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from walkaway.model.causes import Cause, selector
from walkaway.model.run_view import RunView
from walkaway.model.vocabulary import BAD, Outcome
from walkaway.text import Style, many, middle, printable
from walkaway.views import messages, phrases, tracebacks, verdict
from walkaway.views.phrases import GAP

BUDGET_BYTES = 500
"""Most bytes for a cascade of one cause, for a reader who pays for every line."""
_CASCADE = 4
"""After this many failures of one cause, another one adds nothing."""
_TOLD = 3
_NAMED = 3
_CAUSES = {True: 10, False: 20}
_FRAMES = {True: 12, False: 20}
_OUTPUT = 5


@dataclass(frozen=True, slots=True)
class _Depth:
    """How much to show of one cause: lines of traceback and output, ids, columns of message."""

    frames: int
    output: int = _OUTPUT
    named: int = _NAMED
    columns: int = 200


_DEPTHS = (
    _Depth(12), _Depth(8), _Depth(6), _Depth(4, 3), _Depth(3, 2), _Depth(2, 1), _Depth(2, 0),
    _Depth(1, 0), _Depth(1, 0, 2, 120), _Depth(1, 0, 1, 100), _Depth(1, 0, 1, 60),
    _Depth(0, 0, 1, 60),
)  # fmt: skip


def lines(
    look: RunView, causes: list[Cause], style: Style, total: int, since: int = 0
) -> list[str]:
    """Return the failures by cause, those with the most failures first.

    ``total`` counts all failures so far, ``since`` those that the reader knows already. Without a
    terminal, a cascade of one cause takes at most `BUDGET_BYTES`.
    """
    if not causes:
        return [_none(look, style, since)]
    if len(causes) == 1 and causes[0].count >= _CASCADE and not style.terminal:
        for depth in _DEPTHS:
            found = _all(look, causes, style, total, since, depth)
            if sum(len(row.encode(errors="replace")) + 1 for row in found) <= BUDGET_BYTES:
                return found
    depth = _Depth(_FRAMES[style.agent], columns=style.width - 20 if style.terminal else 200)
    return _all(look, causes, style, total, since, depth)


def _all(  # noqa: PLR0913, PLR0917 - the parts of one answer
    look: RunView, causes: list[Cause], style: Style, total: int, since: int, depth: _Depth
) -> list[str]:
    shown = causes[: _CAUSES[style.agent]]
    found = [_first(look, causes, style, since)]
    for place, cause in enumerate(shown):
        if style.terminal:
            found.append("")
        if place < _TOLD or style.terminal:
            found += _cause(look, cause, style, depth)
        else:
            found.append(verdict.cause_line(cause, style))
    if len(causes) > len(shown):
        rest = causes[len(shown) :]
        count = sum(cause.count for cause in rest)
        command = phrases.run_command(style, look, "failures", "--json")
        found.append(f"+ {many(len(rest), 'more cause')} of {many(count, 'failure')}: {command}")
    if style.terminal:
        found.append("")
    return [*found, *_last(look, causes, style, total)]


def _first(look: RunView, causes: list[Cause], style: Style, since: int) -> str:
    count = sum(cause.count for cause in causes)
    new = " new" if since else ""
    title = (
        f"{count:,}{new} {'failure' if count == 1 else 'failures'}, {many(len(causes), 'cause')}"
    )
    parts = (style.bad(title), look.run.short, phrases.label(look.run), _standing(look, style))
    return GAP.join(part for part in (*parts, phrases.since_end(look, style)) if part)


def _standing(look: RunView, style: Style) -> str:
    if look.ended is None:
        return f"{phrases.standing(look, style)} {phrases.done_of(look.counts)}"
    return phrases.standing(look, style)


def _none(look: RunView, style: Style, since: int) -> str:
    parts = [look.run.short, phrases.label(look.run), _standing(look, style)]
    if look.since_end is not None:
        parts.append(phrases.since_end(look, style))
    if look.counts.bad and not since:
        text = style.bad(f"{look.counts.bad:,} failed, but no text of them is stored")
        parts.append(phrases.run_command(style, look, "results", "--result", "failed"))
    elif since:
        text = f"no new failure ({since:,} known)"
    else:
        text = style.good("no failure") if look.ended else "no failure so far"
    if look.ended and look.ended.outcome not in {Outcome.PASSED, Outcome.FAILED}:
        parts.append(phrases.run_command(style, look, "progress"))
    return GAP.join((text, *parts))


def _cause(look: RunView, cause: Cause, style: Style, depth: _Depth) -> Iterator[str]:
    message = verdict.message(cause, depth.columns)
    count = style.bold(f"#{cause.number} {cause.count:,}x")
    when = f" (in {cause.when})" if cause.when in {"setup", "teardown"} else ""
    if cause.attempts:
        part = "" if cause.attempts == cause.count else f"{cause.attempts:,} of them "
        when += f" ({part}in an attempt that was rerun)"
    yield f"{count} {style.bad(message)}{when}"
    width = max(60, style.width if style.terminal else min(style.width, depth.columns)) - 2
    frames = tracebacks.condense(cause.text, cause.message, depth.frames, width)
    place = cause.at.partition(":")[0]
    if cause.at and not (place and any(row.startswith(place) for row in frames)):
        yield f"  at {middle(cause.at, width)}"
    yield from (f"  {row}" for row in frames or _whole(look, style, cause, depth, width))
    yield from _output(cause, style, depth)
    if not cause.again:
        return
    names = phrases.ids(cause.ids, style, depth.named, width=width)
    yield from (f"  {style.dim(row)}" for row in names)
    yield f"  again: {_again(look, style, cause)}"


def _whole(look: RunView, style: Style, cause: Cause, depth: _Depth, width: int) -> Iterator[str]:
    """Yield the rest of a message that has no traceback, as of pytest.fail(..., pytrace=False)."""
    if not depth.frames:
        return
    rows, left = messages.rest(cause.message, min(depth.frames, messages.LINES), width)
    yield from rows
    if left:
        command = phrases.run_command(style, look, "failures", "--json")
        yield f"+ {many(left, 'more line')}: {command}"


def _output(cause: Cause, style: Style, depth: _Depth) -> Iterator[str]:
    rows = [row for _, text in cause.out for row in text.splitlines() if row.strip()]
    for row in rows[-depth.output :] if depth.output else ():
        yield f"  {style.dim('|')} {printable(row, max(60, style.width - 4))}"


def _again(look: RunView, style: Style, cause: Cause | None = None) -> str:
    return style.command("test-async", "--rerun", selector(look.run.short, cause))


def _last(look: RunView, causes: list[Cause], style: Style, total: int) -> Iterator[str]:
    if len(causes) > 1 and any(cause.again for cause in causes):
        one = selector(look.run.short, causes[-1])
        hint = f" (one cause: {one})" if len(causes) > _TOLD and not style.terminal else ""
        yield f"all again: {_again(look, style)}{hint}"
    results = {"failed" if name == "subfailed" else name for c in causes for name, _ in c.results}
    names = ",".join(sorted(results & BAD)) or "failed"
    commands = [phrases.run_command(style, look, "results", "--result", names)]
    if not any(cause.again for cause in causes):
        commands = [phrases.run_command(style, look, "log")]
    if look.live:
        commands = [
            phrases.run_command(style, look, "failures", "--since", str(total)),
            phrases.run_command(style, look, "wait"),
        ]
    yield phrases.following(style, *commands)
