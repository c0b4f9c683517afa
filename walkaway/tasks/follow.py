"""Staying with a run until it ends or time is up: `wait`, and the second half of `test`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import causes, events, exit_codes
from walkaway.model.events import Event
from walkaway.model.last_start import LastStart
from walkaway.model.run_view import RunView
from walkaway.model.vocabulary import Status
from walkaway.record import reader
from walkaway.record.store import Record
from walkaway.runs import changes, status
from walkaway.tasks.invoke_adapter import Here, say, say_json
from walkaway.text import duration, span
from walkaway.views import run_json, verdict, waiting

_POLL_S = 0.1
_LOOK_S = 1.0
_SILENCE_S = 60.0
_RESTORE_S = 5.0
"""How long a supervisor may need to restore a record that somebody deleted."""


def follow(
    here: Here, record: Record, timeout_s: float | None, *, json: bool = False, ours: bool = False
) -> int:
    """Tell what is new until the run ends; return the verdict's code, 75 when time is up.

    A verdict that was there before is told with its age, unless the run is ``ours``: just started.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    with _bar(here, json=json) as bar:
        look, waited = _until_ended(here, record, deadline, None if json else bar)
    return tell(here, record, look if waited or ours else aged(here, record, look), json=json)


def aged(here: Here, record: Record, look: RunView) -> RunView:
    """Return the look at an ended run with its age and what changed since; a live one as it is."""
    if look.ended is None:
        return look
    return replace(look, since_end=changes.since_end(record, here.root, look))


def tell(
    here: Here, record: Record, look: RunView, *, json: bool, without: LastStart | None = None
) -> int:
    """Print how the run stands, as the last word of a wait, and return its code.

    ``without``: a later start that made no record, for the JSON object to name.
    """
    found = causes_of(record) if look.ended and look.counts.bad else []
    if json:
        say_json(run_json.look(look, found, without))
    elif look.ended:
        say(verdict.lines(look, here.style, found))
    else:
        say(waiting.still(look, here.style))
    if look.ended:
        return look.ended.code
    # Not "vanished": somewhere else its verdict may be known.
    return exit_codes.NO_SUCH_RUN if look.status is Status.UNKNOWN else exit_codes.STILL_RUNNING


def causes_of(record: Record, since: int = 0) -> list[causes.Cause]:
    """Return the causes of a run's failures, from a bounded part of failures.jsonl."""
    return causes.group(failures_of(record), since)


def failures_of(record: Record) -> list[Event]:
    """Return the entries of a bounded part of failures.jsonl."""
    path = record.path("failures.jsonl")
    head = reader.head(path, reader.FAILURES_BYTES)
    return [*events.parse(head), *reader.spared(path)]


def _until_ended(
    here: Here, record: Record, deadline: float | None, bar: Bar | None
) -> tuple[RunView, bool]:
    """Return the last look, and whether there was anything to wait for."""
    cursor = _Cursor(record.path("failures.jsonl"))
    before: RunView | None = None
    spoke = time.monotonic()
    while True:
        look = _look(here, record, 0.0 if before is None else _RESTORE_S)
        new = cursor.read() if bar is not None else []
        if bar is not None and (lines := waiting.news(before, look, new, here.style)):
            bar.print(lines)
            spoke = time.monotonic()
        if not look.live:
            return look, before is not None
        if bar is not None:
            bar.show(look)
            if not here.terminal and time.monotonic() - spoke > _SILENCE_S:
                bar.print(waiting.still(look, here.style)[:1])
                spoke = time.monotonic()
        before = look
        pause_until = time.monotonic() + _LOOK_S
        while time.monotonic() < pause_until:
            if deadline is not None and time.monotonic() >= deadline:
                return look, True
            time.sleep(_POLL_S)
            if record.path("outcome.json").exists():
                break


def _look(here: Here, record: Record, patience_s: float) -> RunView:
    """Look at a run that somebody may have deleted while it lives: its supervisor restores it."""
    until = time.monotonic() + patience_s
    while True:
        try:
            return status.look(here.records, record)
        except WalkawayError:
            if time.monotonic() >= until:
                raise
        time.sleep(_POLL_S)


class _Cursor:
    """New whole lines of failures.jsonl since the last read, from where it stood at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def read(self) -> list[Event]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(reader.FAILURES_BYTES)
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return list(events.parse(whole))


class Bar:
    """Where a wait prints: lines only. A terminal gets `_LiveBar`."""

    def show(self, look: RunView) -> None:
        """Show how far the run is."""

    def print(self, lines: list[str]) -> None:
        """Print lines that stay."""
        say(lines)


class _LiveBar(Bar):
    """A bar that rich redraws; lines go above it."""

    def __init__(self, progress: Any) -> None:  # noqa: ANN401 - rich is imported only on a terminal
        self._progress = progress
        self._task = progress.add_task("", total=None, time="")

    def show(self, look: RunView) -> None:
        counts = look.counts
        # The run's own age: this wait may have begun long after it.
        time = f"after {duration(look.elapsed_s)}"
        if look.eta_s is not None:
            time += f", {span(look.eta_s)} to go"
        bad = f"  [red]{counts.bad} failed[/red]" if counts.bad else ""
        self._progress.update(
            self._task,
            total=counts.expected or None,
            completed=counts.done,
            description=f"{look.run.short} {look.phase or look.status}{bad}",
            time=time,
        )

    def print(self, lines: list[str]) -> None:
        for line in lines:
            self._progress.console.out(line, highlight=False)


@contextmanager
def _bar(here: Here, *, json: bool) -> Iterator[Bar]:
    if not here.terminal or json:
        yield Bar()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    texts = [TextColumn(text) for text in ("{task.description}", "{task.fields[time]}")]
    columns = (texts[0], BarColumn(), MofNCompleteColumn(), texts[1])
    with Progress(*columns, transient=True) as progress:
        yield _LiveBar(progress)
