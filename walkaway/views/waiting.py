"""What `wait` prints before the verdict: new failures, and changes of the run's state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from walkaway.model import event_kinds
from walkaway.model.events import Event, text, whole
from walkaway.model.run_view import RunView
from walkaway.text import Style, middle, printable
from walkaway.views import phrases, progress, verdict
from walkaway.views.phrases import GAP

_SHOWN = 5


def news(
    before: RunView | None, after: RunView, new_failures: Sequence[Event], style: Style
) -> list[str]:
    """Return what happened between two looks; empty when there is nothing to report.

    ``new_failures`` are the entries that failures.jsonl gained in between.
    """
    new = [entry for entry in new_failures if entry["e"] == event_kinds.FAILURE]
    return [*_changes(before, after, style), *_failures(after, new, style)]


def _failures(after: RunView, new: Sequence[Event], style: Style) -> Iterator[str]:
    """Yield each new cause once. The recorder stores texts only for a cause's first failures."""
    groups: dict[int, list[Event]] = {}
    for entry in new:
        groups.setdefault(whole(entry, "cause", -1), []).append(entry)
    fresh = [found for found in groups.values() if any("text" in entry for entry in found)]
    for found in fresh[:_SHOWN]:
        yield GAP.join(part for part in _failure(found, style) if part)
    left = len(new) - sum(map(len, fresh[:_SHOWN]))
    # For a reader who pays for every line, another failure of a known cause is no news.
    if left and (len(fresh) > _SHOWN or not style.agent):
        command = phrases.run_command(style, after, "failures")
        known = "" if len(fresh) > _SHOWN else " of known causes"
        yield f"+ {left:,} more{known}: {command}"


def _failure(found: Sequence[Event], style: Style) -> tuple[str, str, str]:
    entry = found[0]
    word = printable(text(entry, "r", "failed"), 20).upper()
    name = text(entry, "id", "?")
    shown = middle(name, max(40, style.width - 40)) if style.terminal else printable(name)
    if len(found) > 1:
        shown += f" + {len(found) - 1:,} more"
    error_line = verdict.error_line(text(entry, "type"), text(entry, "msg"), 120)
    return style.bad(word), shown, error_line


def _changes(before: RunView | None, after: RunView, style: Style) -> Iterator[str]:
    if after.adopted_now:
        yield style.warn("no supervisor: it died; a new one has taken over")
    if after.staying and (before is None or not before.staying):
        yield from progress.still_open(after, style)
    if after.ending and (before is None or not before.ending):
        yield f"{style.bad('being ended:')} {printable(after.ending, 200)}"


def still(look: RunView, style: Style) -> list[str]:
    """Return that the run goes on, how far it is, and how to keep waiting."""
    if look.ended is not None or not look.live:
        return progress.lines(look, style)
    first = f"{phrases.who(look, style)}{GAP}{progress.numbers(look, style)}"
    commands = [phrases.run_command(style, look, "wait")]
    if look.counts.bad:
        commands.append(phrases.run_command(style, look, "failures"))
    return [first, *progress.held_up(look, style), phrases.following(style, *commands)]
