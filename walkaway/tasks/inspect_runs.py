"""The questions: progress, wait, failures, results, runs. And `stop`."""

from __future__ import annotations

import time
from dataclasses import replace

from invoke.context import Context

from walkaway import settings
from walkaway.errors import WalkawayError
from walkaway.model import causes, exit_codes, ledger, standing
from walkaway.model.last_start import Stage
from walkaway.model.run_view import RunView
from walkaway.model.vocabulary import Result
from walkaway.record import reader
from walkaway.record.store import Record
from walkaway.runs import status
from walkaway.runs import stop as stops
from walkaway.tasks import invoke_adapter, last_start
from walkaway.tasks.follow import aged, failures_of, follow, tell
from walkaway.tasks.invoke_adapter import JSON_HELP, RUN_HELP, complain, say, say_json
from walkaway.views import ctrl_c, run_json
from walkaway.views import failures as failures_view
from walkaway.views import last_start as last_start_view
from walkaway.views import progress as progress_view
from walkaway.views import results as results_view
from walkaway.views import runs as runs_view

_TAIL_LINES = 10
_AGENT_WAIT_S = 100.0
_STOP_WAIT_S = 60.0
_SILENT_WAIT_S = 3.0
"""An engine that is down for seconds may be down for hours; the request stands."""


@invoke_adapter.task(
    name="progress", aliases=("status",), flags={"run": RUN_HELP, "json": JSON_HELP}
)
def progress(c: Context, run: str | None = None, json: bool = False) -> None:
    """Show how far a run is: counts, what runs now, what failed, time left."""
    here = invoke_adapter.here(c)
    if last_start.answered(here, run, "progress", json=json):
        return
    record = here.record(run)
    look = status.look(here.records, record, tail_lines=_TAIL_LINES)
    if look.ended:
        tell(here, record, replace(aged(here, record, look), tail=()), json=json)
    elif json:
        say_json(run_json.look(look, ()))
    else:
        say(progress_view.lines(look, here.style))


@invoke_adapter.task(
    name="wait",
    flags={
        "run": RUN_HELP,
        "timeout": "seconds (or 5m); default: 100 in a pipe or under an agent, else to the end",
        "json": JSON_HELP,
    },
)
def wait(c: Context, run: str | None = None, timeout: str | None = None, json: bool = False) -> int:
    """Wait for the end, exit with the verdict; 75 when time is up. Ctrl-C leaves the run alone."""
    here = invoke_adapter.here(c)
    limit = wait_limit_s(here, timeout)
    begun = time.monotonic()
    found = last_start.without_record(here, run, float("inf") if limit is None else limit)
    if found is not None:
        last_start.tell(here, found, "wait", run_json.no_record, json=json)
        return found.start.code
    if limit is not None:
        limit = max(0.0, limit - (time.monotonic() - begun))
    record = here.record(run)
    started = record.run()
    try:
        return follow(here, record, limit, json=json)
    except KeyboardInterrupt:
        # Without a bar the terminal has shown `^C` where the cursor stood.
        mark = "\n" if here.attended and not here.terminal else ""
        complain(mark + ctrl_c.goes_on(started, here.style))
        raise


def wait_limit_s(here: invoke_adapter.Here, timeout: str | None) -> float | None:
    """Return how long a wait may take, in seconds; None: until the run ends.

    An agent's shell is cut off after two minutes, and a program that reads a pipe may be one.
    """
    if timeout is not None:
        return settings.seconds(timeout, "--timeout", zero=True)
    return None if here.attended or (here.ci and not here.agent) else _AGENT_WAIT_S


@invoke_adapter.task(
    name="failures",
    flags={
        "run": RUN_HELP,
        "since": "skip the first N failures",
        "all": "include failed attempts that a plugin reran",
        "json": JSON_HELP,
    },
)
def failures(
    c: Context,
    run: str | None = None,
    since: str = "0",
    all: bool = False,
    json: bool = False,
) -> None:
    """Show what failed so far, grouped by cause, with the command that reruns exactly these."""
    here = invoke_adapter.here(c)
    after = invoke_adapter.whole(since, "since")
    shape = run_json.no_record_of("total", "since", "causes")
    if last_start.answered(here, run, "failures", json=json, shape=shape):
        return
    record = here.record(run)
    look = aged(here, record, status.look(here.records, record))
    entries = failures_of(record)
    found = causes.group(entries, after, attempts=all)
    total = max(after, causes.count_failures(entries))
    if json:
        say_json(run_json.failures(look, found, total, after))
    else:
        say(failures_view.lines(look, found, here.style, total, after))


@invoke_adapter.task(
    name="results",
    flags={
        "run": RUN_HELP,
        "match": "only node ids that contain this text",
        "result": "only these results, comma-separated: passed, failed, lost, ...",
        "limit": "show at most this many; 0: all",
        "json": JSON_HELP,
    },
)
def results(
    c: Context,
    run: str | None = None,
    match: str = "",
    result: str = "",
    limit: str = "100",
    json: bool = False,
) -> None:
    """List tests with their results, times and reasons."""
    here = invoke_adapter.here(c)
    most = invoke_adapter.whole(limit, "limit")
    results_chosen = _results(result)
    shape = run_json.no_record_of("results", "more")
    if last_start.answered(here, run, "results", json=json, shape=shape):
        return
    record = here.record(run)
    look = aged(here, record, status.look(here.records, record))
    names = reader.ids(record.folder)
    book = ledger.build(names, reader.all_events(record.path("events.jsonl")))
    ended = look.ended.outcome if look.ended else None
    rows = [
        (
            nodeid,
            result,
            one.total_s,
            one.reason or (f"on {one.worker}" if one.worker and one is not row else ""),
        )
        for index, (nodeid, row) in enumerate(zip(names, book.rows, strict=False))
        if row.owed or row.results
        for result, one in standing.entries(index, book, ended, live=look.live)
    ]
    rows += [(nodeid, str(Result.SKIPPED), 0.0, why) for nodeid, why in book.skipped_whole.items()]
    rows = [r for r in rows if match in r[0] and (not results_chosen or r[1] in results_chosen)]
    shown = rows[:most] if most else rows
    if json:
        say_json(run_json.results(look, shown, len(rows) - len(shown)))
    else:
        say(results_view.lines(look, shown, here.style, len(rows) - len(shown)))


def _results(names: str) -> set[str]:
    chosen = {name.strip() for name in names.split(",") if name.strip()}
    known = {*map(str, Result), standing.RUNNING, standing.WAITING, standing.UNKNOWN}
    strangers = sorted(chosen - known)
    if strangers:
        message = f"--result {strangers[0]!r}: give one of {', '.join(sorted(known))}."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return chosen


@invoke_adapter.task(name="stop", aliases=("kill",), flags={"run": RUN_HELP, "json": JSON_HELP})
def stop(c: Context, run: str | None = None, json: bool = False) -> int:
    """Stop a run: pytest may still report, then every process of the run is ended."""
    here = invoke_adapter.here(c)
    found = last_start.without_record(here, run, _STOP_WAIT_S)
    starting = found is not None and found.start.stage is Stage.STARTING
    if found is not None and (starting or found.before is None or not found.before.live):
        last_start.tell(here, found, "stop", run_json.no_record, json=json)
        return exit_codes.STILL_RUNNING if starting else 0
    record = here.record(run)
    look = status.look(here.records, record)
    if found is not None and not json:
        say([last_start_view.notice(found.start, here.style, time.time())])
    if look.ended and not json:
        say([ctrl_c.over_already(look.run)])
    if look.ended:
        look = aged(here, record, look)
    if look.live:
        stops.ask(record, "stop", f"inv stop ({here.origin().kind})")
        look = _until_stopped(here, record)
    code = tell(here, record, look, json=json, without=found.start if found else None)
    # Of a run that is over, however it ended, it is no failure; of any other it is.
    return 0 if look.ended else code


def _until_stopped(here: invoke_adapter.Here, record: Record) -> RunView:
    """Wait until a run has ended, for a minute; less while its engine does not answer."""
    until = time.monotonic() + _STOP_WAIT_S
    while True:
        stops.wait_ended(record, _SILENT_WAIT_S)
        look = status.look(here.records, record)
        if not look.live or look.engine_silent or time.monotonic() > until:
            return look


@invoke_adapter.task(
    name="runs", flags={"limit": "show at most this many; 0: all", "json": JSON_HELP}
)
def runs(c: Context, limit: str = "10", json: bool = False) -> None:
    """List this checkout's recorded runs, newest first."""
    here = invoke_adapter.here(c)
    most = invoke_adapter.whole(limit, "limit")
    found = list(reversed(here.records.ids()))
    shown = found[:most] if most else found
    looks = []
    for run_id in shown:
        try:
            looks.append(status.look(here.records, here.records.record(run_id)))
        except WalkawayError:
            continue  # being deleted, or half copied: the others are still true
    more = len(found) - len(shown)
    if json:
        say_json(run_json.runs(looks, more))
    else:
        say(runs_view.lines(looks, here.style, more, time.time()))
