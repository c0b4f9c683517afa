"""What a wait says before the verdict: a line when something new failed, or after long silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from walkaway.model.events import Event, text
from walkaway.model.look import Look
from walkaway.views import phrases, progress
from walkaway.views.phrases import GAP
from walkaway.views.style import Style, middle, printable

_SHOWN = 5


def news(
    before: Look | None, after: Look, new_failures: Sequence[Event], style: Style
) -> list[str]:
    """Return what happened between two looks; nothing when there is nothing to tell.

    ``new_failures`` are entries of failures.jsonl that came since.
    """
    return [*_changes(before, after, style), *_failures(after, new_failures, style)]


def _failures(after: Look, new: Sequence[Event], style: Style) -> Iterator[str]:
    for entry in new[:_SHOWN]:
        yield GAP.join(part for part in _failure(entry, style) if part)
    if len(new) > _SHOWN:
        command = phrases.run_command(style, after, "failures")
        yield f"+ {len(new) - _SHOWN:,} more failed: {command}"


def _failure(entry: Event, style: Style) -> tuple[str, str, str]:
    word = printable(text(entry, "r", "failed"), 20).upper()
    said = text(entry, "msg").strip().partition("\n")[0]
    kind = text(entry, "type")
    if kind and not (kind == "AssertionError" and said.startswith("assert ")):
        said = f"{kind}: {said}" if said else kind
    name = text(entry, "id", "?")
    shown = middle(name, max(40, style.width - 40)) if style.terminal else printable(name)
    return style.bad(word), shown, printable(said, 120)


def _changes(before: Look | None, after: Look, style: Style) -> Iterator[str]:
    if after.adopted_now:
        yield style.warn("no supervisor: it died; a new one has taken over")
    if after.ending and (before is None or not before.ending):
        yield f"{style.bad('being ended:')} {printable(after.ending, 200)}"


def still(look: Look, style: Style) -> list[str]:
    """Return that the run goes on, how far it is, and how to go on waiting."""
    if look.ended is not None or not look.live:
        return progress.lines(look, style)
    first = f"{phrases.who(look, style)}{GAP}{progress.numbers(look, style)}"
    commands = [phrases.run_command(style, look, "wait")]
    if look.counts.bad:
        commands.append(phrases.run_command(style, look, "failures"))
    return [first, phrases.following(style, *commands)]
