"""`flaky`: repeated attempts in random orders, and what they say about each test."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from invoke.context import Context

from walkaway.errors import WalkawayError
from walkaway.hunting import start
from walkaway.hunting import status as hunt_status
from walkaway.hunting import stop as halt
from walkaway.hunting.store import HuntRecord, Hunts, last_start_of
from walkaway.model import exit_codes, hunt_summary
from walkaway.model import hunt as model
from walkaway.model.hunt import Hunt, HuntView
from walkaway.model.last_start import LastStart
from walkaway.runs import last_start
from walkaway.runs.request import Options, planned_run
from walkaway.runs.request import seed as checked_seed
from walkaway.tasks import invoke_adapter
from walkaway.tasks.inspect_runs import wait_limit_s
from walkaway.tasks.invoke_adapter import JSON_HELP, Here, complain, remainder, say, say_json
from walkaway.tasks.start import SPREAD_FLAGS, ctrl_c_later
from walkaway.views import hunt as view
from walkaway.views import hunt_json
from walkaway.views import last_start as last_start_view

_POLL_S = 0.1
_LOOK_S = 2.0
_END_WAIT_S = 60.0
_ADOPTIONS = 3
"""A driver that dies as often within one look dies of something that stays."""


@invoke_adapter.task(
    name="flaky",
    flags={
        "runs": "how many attempts",
        **SPREAD_FLAGS,
        "timeout": "end an attempt after S seconds (or 15m, 1.5h), as in test-async",
        "seed": "seed of all orders; default: a new one, printed",
        "fail_fast": "stop once a test has both passed and failed",
        "detach": "return at once",
        "hunt": "watch an existing hunt: four hex digits, part of an id, or latest",
        "stop": "with --hunt: stop it and its running attempt",
        "json": JSON_HELP,
    },
)
def flaky(
    c: Context,
    runs: str = "10",
    workers: str | None = None,
    dist: str | None = None,
    timeout: str | None = None,
    seed: str | None = None,
    fail_fast: bool = False,
    detach: bool = False,
    hunt: str | None = None,
    stop: bool = False,
    json: bool = False,
) -> int:
    """Hunt for flaky tests: repeat them in random orders, detached: inv flaky -- PYTEST ARGS."""
    here = invoke_adapter.here(c)
    hunts = Hunts(here.records)
    place = last_start_of(here.root, here.environ, "hunt")
    if hunt is not None:
        found = last_start.standing(place) if hunt == "latest" else None
        if found is not None and not stop:
            return _tell_no_hunt(here, hunts, found, json=json)
        if found is not None and not json:
            say([last_start_view.notice(found, here.style, time.time())])
        return _watch(here, hunts, hunts.choose(hunt, here.origin()), stop=stop, json=json)
    if stop:
        raise WalkawayError("--stop needs --hunt ID: which hunt?", exit_codes.WRONG_USE)
    with last_start.marked(place, invoke_adapter.typed()):
        asked = Hunt(
            id="",
            runs=invoke_adapter.whole(runs, "runs", 1),
            seed=_seed(seed),
            run=planned_run(
                root=here.root,
                cwd=invoke_adapter.current_folder(),
                args=remainder(c),
                options=Options(workers=workers, dist=dist, timeout=timeout),
                conf=here.settings(),
                environ=here.environ,
                origin=here.origin(),
                ci=here.ci,
            ),
            fail_fast=fail_fast,
        )
        label = f"flaky {asked.run.label}".strip()
        with ctrl_c_later() as pressed:
            record = start.begin(hunts, replace(asked, run=asked.run._replace(label=label)))
    return _stay(here, hunts, record, detach=detach, json=json, interrupted=bool(pressed))


def _seed(seed: str | None) -> int:
    return model.new_seed(os.urandom(8)) if seed is None else int(checked_seed(seed, "--seed"))


def _tell_no_hunt(here: Here, hunts: Hunts, found: LastStart, *, json: bool) -> int:
    """Say that the last start made no hunt; its code."""
    try:
        before = hunts.choose("latest", here.origin()).hunt().short
    except WalkawayError:
        before = ""
    if json:
        say_json(hunt_json.no_hunt(found, before))
    else:
        again = here.style.command("flaky", "--hunt", "latest")
        older = last_start_view.of_hunt(before, here.style)
        say(last_start_view.lines(found, here.style, time.time(), again, older))
    return found.code


def _stay(
    here: Here, hunts: Hunts, record: HuntRecord, *, detach: bool, json: bool, interrupted: bool
) -> int:
    """Tell of the hunt that we began and follow it. Ctrl-C stops it."""
    asked = record.hunt()
    first = view.begun(asked, here.style)
    if detach and json:
        _tell(here, hunt_status.look(hunts, record, current=False), json=True)
        return 0
    # Before the wait: a shell that is killed leaves at least the hunt's id behind.
    if json:
        complain(first[0])
    else:
        say(first)
    if detach:
        return 0
    try:
        if not interrupted:
            return _follow(here, hunts, record, wait_limit_s(here, None), json=json)
    except KeyboardInterrupt:
        pass
    complain(view.stopping(asked, here.style))
    try:
        return _halt(here, hunts, record, "interrupt", "Ctrl-C", json=json)
    except KeyboardInterrupt:
        complain(view.goes_on(asked, here.style))
        return exit_codes.CTRL_C


def _watch(here: Here, hunts: Hunts, record: HuntRecord, *, stop: bool, json: bool) -> int:
    """Follow a hunt that is there already. Ctrl-C leaves it alone."""
    if stop:
        by = f"inv flaky --stop ({here.origin().kind})"
        code = _halt(here, hunts, record, "stop", by, json=json)
        return code if code == exit_codes.STILL_RUNNING else 0
    try:
        now = hunt_status.look(hunts, record)
        if now.live and not json and _every(here):
            found = hunt_summary.compare(now.attempts, now.tests)
            say(view.lines(now, found, here.style)[:1])
        return _follow(here, hunts, record, wait_limit_s(here, None), json=json)
    except KeyboardInterrupt:
        complain(view.goes_on(record.hunt(), here.style))
        raise


def _halt(here: Here, hunts: Hunts, record: HuntRecord, kind: str, by: str, *, json: bool) -> int:
    """Ask for the hunt's end, wait for it, and tell how it stands."""
    if hunt_status.look(hunts, record, current=False).live:
        halt.ask(record, kind, by)
        halt.wait_ended(record, _END_WAIT_S)
    return _tell(here, hunt_status.look(hunts, record), json=json)


def _follow(
    here: Here, hunts: Hunts, record: HuntRecord, limit_s: float | None, *, json: bool
) -> int:
    """Tell of attempts as they end; return the hunt's code, 75 when time is up."""
    deadline = None if limit_s is None else time.monotonic() + limit_s
    before = hunt_status.look(hunts, record, current=False)
    adoptions = 0
    while before.live:
        adoptions += before.adopted_now
        _until_news(record, deadline)
        late = deadline is not None and time.monotonic() >= deadline
        now = hunt_status.look(hunts, record, may_adopt=adoptions < _ADOPTIONS, current=late)
        if not json:
            say(_news(here, before, now))
        before = now
        if late:
            break
    return _tell(here, before, json=json)


def _until_news(record: HuntRecord, deadline: float | None) -> None:
    """Sleep until an attempt or the hunt has ended, a moment has passed, or time is up."""
    ended, attempts = record.path("outcome.json"), record.path("attempts.jsonl")
    size = attempts.stat().st_size if attempts.exists() else 0
    until = time.monotonic() + _LOOK_S
    until = until if deadline is None else min(until, deadline)
    while time.monotonic() < until and not ended.exists():
        if attempts.exists() and attempts.stat().st_size != size:
            return
        time.sleep(_POLL_S)


def _news(here: Here, before: HuntView, now: HuntView) -> list[str]:
    """Return the attempts that ended between two looks; in a pipe those alone that did not pass.

    To one who pays for every line, another attempt that passed is no news.
    """
    return [
        view.attempt_line(now.hunt, attempt, here.style)
        for attempt in now.attempts[len(before.attempts) :]
        if _every(here) or attempt.code
    ]


def _every(here: Here) -> bool:
    """Tell whether the reader is told all there is: somebody who looks on, or a CI's log."""
    return here.attended or (here.ci and not here.agent)


def _tell(here: Here, look: HuntView, *, json: bool) -> int:
    found = hunt_summary.compare(look.attempts, look.tests)
    if json:
        say_json(hunt_json.as_json(look, found, here.style))
    else:
        say(view.lines(look, found, here.style))
    return look.code
