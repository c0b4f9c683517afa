"""Views of `build`, `up`, `down` and `health`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from walkaway.environment.health import State
from walkaway.environment.image import Built
from walkaway.environment.teardown import Things
from walkaway.text import Style, columns, duration, many, printable, size
from walkaway.views.phrases import following
from walkaway.views.run_json import SCHEMA

_OUTPUT_LINES = 3
_SHOWN = 10
_HEAD = ("service", "status", "up for", "restarts", "memory", "CPU", "ports")


def building(services: Sequence[str]) -> str:
    """Return the line shown when a build begins."""
    return f"building the image of {printable(', '.join(services))} …"


def built_lines(built: Built, style: Style) -> list[str]:
    """Return whether something was built, and what makes the context large."""
    if not built.services:
        return [
            f"nothing to build: {printable(built.image)} comes from elsewhere, Compose pulls it",
            following(style, style.command("up")),
        ]
    where = f"{printable(built.image)} {printable(built.image_id.removeprefix('sha256:'))[:12]}"
    sent = f"context {size(built.context_bytes)} in {many(built.context_files, 'file')}"
    if built.changed:
        first = f"{style.good('built')} in {duration(built.seconds)}: {where} ({sent})"
    else:
        first = f"{style.good('unchanged')}: {where} ({sent})"
    warnings = [style.warn("large context: ") + line for line in built.warnings]
    again = style.command("build", "--no-cache")
    end = following(style, style.command("up")) if built.changed else f"build anyway: {again}"
    return [first, *warnings, end]


def built_json(built: Built) -> dict[str, Any]:
    """Return the result of a build as one object."""
    return {
        "walkaway": SCHEMA,
        "changed": built.changed,
        "services": built.services,
        "image": built.image,
        "image_id": built.image_id,
        "seconds": round(built.seconds, 3),
        "context_bytes": built.context_bytes,
        "context_files": built.context_files,
        "warnings": built.warnings,
        "code": 0,
    }


def starting(slot: int, services: Sequence[str]) -> str:
    """Return the line shown while services come up."""
    return f"environment {slot}: starting {printable(', '.join(services))} …"


def up_lines(
    slot: int, services: Sequence[str], seconds: float, style: Style, *, was_up: bool
) -> list[str]:
    """Return that an environment is up, and its services."""
    names = printable(", ".join(services))
    if not services:
        first = "no services: the test service depends on none"
        return [first, following(style, style.command("test-async"))]
    how = "was up" if was_up else "is up"
    took = "" if was_up else f" after {duration(seconds)}"
    first = f"{style.good(f'environment {slot} {how}')}{took}: {names}"
    return [first, following(style, style.command("test-async"), style.command("health"))]


def up_json(
    slot: int, project: str, services: Sequence[str], seconds: float, *, was_up: bool
) -> dict[str, Any]:
    """Return what is up, as one object."""
    return {
        "walkaway": SCHEMA,
        "slot": slot,
        "project": project,
        "services": services,
        "was_up": was_up,
        "seconds": round(seconds, 3),
        "code": 0,
    }


def down_lines(removed: Things, style: Style) -> list[str]:
    """Return what was removed."""
    if not removed.names:
        return ["nothing was up", following(style, style.command("up"))]
    parts = [
        many(len(names), kind)
        for kind, names in (
            ("container", removed.containers),
            ("network", removed.networks),
            ("volume", removed.volumes),
        )
        if names
    ]
    first = f"{style.good('down')}: {', '.join(parts)} removed, nothing is left"
    return [first, following(style, style.command("up"))]


def down_json(removed: Things) -> dict[str, Any]:
    """Return what was removed, by name, as one object."""
    return {"walkaway": SCHEMA, **asdict(removed), "code": 0}


def health_lines(states: Sequence[State], style: Style) -> list[str]:
    """Return a table for each environment, with the reason where a container is not well."""
    if not states:
        return ["no environment of this checkout is up", following(style, style.command("up"))]
    bad = [state for state in states if not state.well]
    slots = len({state.slot for state in states})
    if bad:
        names = ", ".join(dict.fromkeys(printable(state.service) for state in bad))
        first = f"{style.bad(f'{len(bad)} not well')}: {names}"
    else:
        first = f"{style.good('all well')}: {many(len(states), 'container')}"
    found = [f"{first}, in {many(slots, 'environment')}"]
    rows = [_HEAD, *(_row(state) for state in states)]
    widths = [max(columns(row[n]) for row in rows) for n in range(len(_HEAD))]
    for slot, group in groupby(states, key=lambda state: state.slot):
        name = f"environment {slot}" if slot else "runs without services"
        found += [style.bold(name), "  " + style.dim(_line(_HEAD, widths))]
        found += [line for state in group for line in _state(state, widths, style)]
    return [*found, _next(states, bad, style)]


def _next(states: Sequence[State], bad: Sequence[State], style: Style) -> str:
    if not bad:
        return following(style, style.command("runs" if any(s.run for s in states) else "down"))
    first = bad[0]
    slot = ("--slot", str(first.slot)) if first.slot > 1 else ()
    logs = style.command("service-logs", "--service", printable(first.service), *slot)
    return following(style, logs, style.command("up", *slot))


def _state(state: State, widths: Sequence[int], style: Style) -> list[str]:
    line = _line(_row(state), widths)
    if state.well:
        return [f"  {line}"]
    output = [printable(text, style.width - 6) for text in state.said.splitlines() if text.strip()]
    return [f"  {style.bad(line)}", *(f"      {text}" for text in output[-_OUTPUT_LINES:])]


def _row(state: State) -> tuple[str, ...]:
    memory = "-" if state.memory_bytes is None else size(state.memory_bytes)
    if state.memory_limit_bytes and state.memory_bytes is not None:
        memory += f" of {size(state.memory_limit_bytes)}"
    guest = f" (run {printable(state.run)[-4:]})" if state.run else " (one-off)"
    return (
        printable(state.service) + (guest if state.one_off else ""),
        printable(state.status),
        "-" if state.uptime_s is None else duration(state.uptime_s),
        str(state.restarts),
        memory,
        "-" if state.cpu_percent is None else f"{state.cpu_percent:.0f} %",
        ", ".join(printable(port) for port in state.ports[:_SHOWN]) or "-",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [text + " " * (width - columns(text)) for text, width in zip(row, widths, strict=True)]
    return "  ".join(cells).rstrip()


def health_json(states: Sequence[State]) -> dict[str, Any]:
    """Return every container's state, as one object."""
    return {
        "walkaway": SCHEMA,
        "containers": [asdict(state) for state in states],
        "not_well": [state.name for state in states if not state.well],
        "code": 0,
    }
