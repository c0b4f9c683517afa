"""View of `progress`: the first line names the run, the last one says what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator

from walkaway.model.run_view import RunningTest, RunView
from walkaway.model.vocabulary import Status
from walkaway.text import Style, duration, many, middle, printable, span
from walkaway.views import phrases, verdict
from walkaway.views.phrases import GAP

_MARGIN = re.compile(r" +\[ *\d+%\]$")
_FLIGHTS = 8
_TAIL = 10
_TIME_COLUMNS = 30
_SLOW = 3
_SLOW_S = 1.0
"""A test that has run for less is never called slow, however fast it usually is."""
_SILENT_S = 30
_BAR_COLUMNS = 60


def lines(look: RunView, style: Style) -> list[str]:
    """Return how far a run is; for a finished run, its verdict."""
    if look.ended is not None:
        return verdict.lines(look, style)
    if look.status is Status.UNKNOWN:
        return _unknown(look, style)
    return [
        _first(look, style),
        *_numbers(look, style),
        *_flights(look, style),
        *_warnings(look, style),
        *[f"{style.dim('|')} {style.dim(row)}" for row in _tail(look, style)],
        _next(look, style),
    ]


def _unknown(look: RunView, style: Style) -> list[str]:
    why = printable(look.why_unknown, 200) or "its record does not say"
    seen = [f"last seen: {phrases.done_of(look.counts)}{GAP}{phrases.counted(look.counts, style)}"]
    commands = [phrases.run_command(style, look, "results")]
    if look.counts.bad:
        commands.insert(0, phrases.run_command(style, look, "failures"))
    again = "check again from where it was started"
    if "engine" in why:
        again = "start the engine, then check again"
    return [
        f"{phrases.who(look, style)}{GAP}cannot tell from here: {why}",
        *(seen if look.counts.done else ["last seen: before any test had ended"]),
        phrases.following(style, *commands, again),
    ]


def _first(look: RunView, style: Style) -> str:
    parts = [phrases.who(look, style)]
    tree = look.tree
    tree_parts = []
    if tree.head:
        tree_parts.append(f"tree {printable(tree.head, 20)}")
        if tree.dirty:
            tree_parts[0] += f" + {many(tree.dirty, 'changed file')}"
    if tree.nchanged:
        tree_parts.append(style.warn(phrases.edits(look)))
    return GAP.join([*parts, ", ".join(tree_parts)] if tree_parts else parts)


def numbers(look: RunView, style: Style) -> str:
    """Return `45/120 37%  1 failed, 44 passed  after 12 s, 20-45 s to go`."""
    time = f"after {duration(look.elapsed_s)}"
    if look.eta_s is not None:
        time += f", {span(look.eta_s)} to go"
    parts = [phrases.done_of(look.counts), phrases.counted(look.counts, style), time]
    if look.status is not Status.RUNNING:
        phase = f"waiting {look.phase}".rstrip() if look.status is Status.QUEUED else look.phase
        parts = [
            printable(phase, max(40, style.width - _TIME_COLUMNS)),
            f"{duration(look.elapsed_s)} since the start",
        ]
        if look.counts.expected:
            parts.insert(1, f"{many(look.counts.expected, 'test')} collected")
    return GAP.join(part for part in parts if part)


def _numbers(look: RunView, style: Style) -> Iterator[str]:
    yield numbers(look, style)
    if style.terminal and look.status is Status.RUNNING:
        yield _bar(look, style)


def _bar(look: RunView, style: Style) -> str:
    counts = look.counts
    share = min(1.0, counts.done / counts.expected) if counts.expected else 0.0
    wide = min(_BAR_COLUMNS, style.width)
    full = int(share * wide)
    done = style.bad("━" * full) if counts.bad else style.good("━" * full)
    return done + style.dim("─" * (wide - full))


def _flights(look: RunView, style: Style) -> Iterator[str]:
    shown = look.flights[:_FLIGHTS]
    for flight in shown:
        yield _flight(flight, style)
    if len(look.flights) > len(shown):
        yield f"+ {len(look.flights) - len(shown)} more in flight"


def _flight(flight: RunningTest, style: Style) -> str:
    where = printable(flight.worker, 12) or "now"
    times = duration(flight.for_s)
    usual = flight.usual_s
    if usual is not None:
        times += f" (usual {duration(usual)})"
        if flight.for_s > max(_SLOW_S, _SLOW * usual):
            factor = f"{flight.for_s / usual:,.0f}x its" if usual > 0 else "far over its"
            times = style.warn(f"{duration(flight.for_s)}, {factor} usual {duration(usual)}")
    name = middle(flight.id, max(40, style.width - 32))
    return GAP.join((style.dim(where), name, times))


def held_up(look: RunView, style: Style) -> Iterator[str]:
    """Yield that the engine does not answer, and what in the run waits for it."""
    if look.engine_silent:
        last = f"the last event is {duration(look.silent_s)} old"
        yield style.warn(f"the Docker engine does not answer, so the state is not known; {last}")
        if look.ending:
            yield style.bad("to be ended once it answers: ") + printable(look.ending, 200)


def still_open(look: RunView, style: Style) -> Iterator[str]:
    """Yield that pytest is done but its process is not, and what holds it open."""
    if look.staying:
        warning = "pytest is done, its process is still open"
        width = max(40, style.width - len(warning) - 2) if style.terminal else 200
        who = ": " + middle("; ".join(look.staying), width) if any(look.staying) else ""
        yield style.warn(warning) + who
        if look.run.limits.linger_s:
            yield f"it is ended once it has been idle for {duration(look.run.limits.linger_s)}"


def _warnings(look: RunView, style: Style) -> Iterator[str]:
    if look.ending and not look.engine_silent:
        yield style.bad("being ended: ") + printable(look.ending, 200)
    if look.adopted_now:
        yield style.warn("no supervisor: it died; a new one has taken over")
    elif not look.supervised:
        yield style.warn("no supervisor: it died; no limit applies until the next check")
    yield from held_up(look, style)
    yield from still_open(look, style)
    if not look.engine_silent and look.silent_s > _SILENT_S and not look.staying:
        busy = "" if look.busy is None else f", {look.busy:.1f} CPU cores busy"
        yield style.warn(f"silent for {duration(look.silent_s)}{busy}")
    if look.counts.dropped:
        yield style.warn(f"{many(look.counts.dropped, 'event')} could not be stored")


def _tail(look: RunView, style: Style) -> list[str]:
    # pytest pads its lines up to a percentage at the margin. The second line has it already.
    rows = [_MARGIN.sub("", printable(row)) for row in look.tail]
    rows = [printable(row, max(40, style.width - 2)) for row in rows]
    return [row for row in rows if row.strip()][-_TAIL:]


def _next(look: RunView, style: Style) -> str:
    commands = [phrases.run_command(style, look, "wait")]
    if look.counts.bad or look.counts.by_result.get("subfailed"):
        commands.insert(0, phrases.run_command(style, look, "failures"))
    return phrases.following(style, *commands)
