"""`ci`: lint, locks, tests; every step is taken, and the exit code is the tests' verdict."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from invoke.context import Context

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.ci_step import Step, code_of
from walkaway.model.run_view import RunView
from walkaway.record.store import Record
from walkaway.runs import last_start, start, status, stop
from walkaway.runs.request import Options
from walkaway.tasks import invoke_adapter, quality
from walkaway.tasks.follow import causes_of
from walkaway.tasks.invoke_adapter import JSON_HELP, Here, complain, remainder, say, say_json
from walkaway.tasks.start import SPREAD_FLAGS, begin_run, ctrl_c_later, stay_until_ended
from walkaway.text import Style
from walkaway.views import ci as view
from walkaway.views import phrases, verdict

SUMMARY = "GITHUB_STEP_SUMMARY"
_PLAIN = Style(width=160)
_TURN_S = 1.0


@invoke_adapter.task(
    name="ci",
    flags={
        **SPREAD_FLAGS,
        "backend": "where to run: local, compose, or auto; ci never falls back by itself",
        "timeout": "end the tests after S seconds (or 15m, 1.5h); default: PYTEST_TIMEOUT or 1800",
        "json": JSON_HELP,
    },
)
def ci(
    c: Context,
    workers: str | None = None,
    dist: str | None = None,
    timeout: str | None = None,
    backend: str | None = None,
    json: bool = False,
) -> int:
    """Lint, check the locks, run the tests; exit with their verdict: inv ci -- PYTEST ARGS."""
    here = _plainly(invoke_adapter.here(c))
    # Whoever looks while the linters are at work is not told of the run before this one.
    last_start.begin(here.last_start(), invoke_adapter.typed())
    args = remainder(c)
    steps: list[Step] = []

    def step(name: str, take: Callable[[], Step]) -> None:
        if not json:
            say([view.heading(name, here.style)])
        begun = time.monotonic()
        try:
            done = take()
        except WalkawayError as error:
            what, *rest = error.message.splitlines()
            done = Step(name, error.code, detail=what, todo=" ".join(rest) or f"inv {name}")
        steps.append(replace(done, name=name, seconds=time.monotonic() - begun))
        if not json:
            say([view.step_line(steps[-1], here.style)])

    found: list[tuple[Record, RunView]] = []
    step("lint", lambda: _lint(here, quiet=json))
    step("locks", lambda: _locks(here))
    options = Options(workers=workers, dist=dist, timeout=timeout, backend=backend)
    step("tests", lambda: _tests(here, options, args, found, quiet=json))
    _report(here, steps, found, json=json)
    return code_of(tuple(steps))


def _plainly(here: Here) -> Here:
    """Return the surroundings of a CI, wherever we are: plain output, and its deadline."""
    style = replace(here.style, terminal=False)
    return replace(here, ci=True, attended=False, terminal=False, style=style)


def _lint(here: Here, *, quiet: bool) -> Step:
    failed: list[tuple[str, int]] = []
    found = quality.linters(here)
    for command in found.argvs:
        try:
            code = quality.run_command(here, command, quiet=quiet)
        except WalkawayError as error:  # not installed: the other linters run all the same
            failed.append((error.message.splitlines()[0].rstrip("."), error.code))
            continue
        if code:
            failed.append((f"{shlex.join(command)} ended with {code}", code))
    if failed:
        detail = ", ".join(what for what, _ in failed)
        return Step(
            "lint",
            failed[0][1],
            detail=detail,
            todo="fix what it reports, then run again: inv lint",
        )
    if found.missing and not found.argvs:
        names = " and ".join(found.missing)
        return Step(
            "lint", detail=f"walkaway.lint is not set, and {names} not installed", skipped=True
        )
    return Step("lint")


def _locks(here: Here) -> Step:
    from walkaway.upkeep import lockfile, locks, uv

    sources = locks.sources(here.root)
    if not sources:
        return Step("locks", detail="there is no requirements*.in", skipped=True)
    found = locks.check(locks.project(here.root, here.environ))
    stale = [lock for lock in found if lock.standing is lockfile.LockState.STALE]
    if not stale:
        return Step("locks")
    detail = ", ".join(f"{lock.name} is stale{_why(lock.why)}" for lock in stale)
    return Step(
        "locks", exit_codes.FAILED, detail=detail, todo=f"{uv.COMMAND}, then commit the lock"
    )


def _why(why: str) -> str:
    return f" ({why})" if why else ""


def _tests(
    here: Here,
    options: Options,
    args: tuple[str, ...],
    found: list[tuple[Record, RunView]],
    *,
    quiet: bool,
) -> Step:
    """Start the tests detached and wait; what is known of them goes to ``found``."""
    with ctrl_c_later() as pressed:
        made = begin_run(here, options, args, again=False)
    if quiet:
        _wait_quietly(here, made, interrupted=bool(pressed))
    else:
        stay_until_ended(here, made, json=False, interrupted=bool(pressed))
    look = status.look(here.records, made.record)
    found.append((made.record, look))
    if look.ended is None:
        command = here.style.command("wait", "--run", look.run.short)
        return Step(
            "tests", exit_codes.STILL_RUNNING, detail="they were left running", todo=command
        )
    if not look.ended.code:
        detail = verdict.sentence(look, look.ended, _PLAIN)
        return Step(
            "tests", detail=f"as a plugin decided: {detail}" if phrases.forgiven(look) else detail
        )
    last = verdict.lines(look, _PLAIN)[-1].removeprefix("next:").strip()
    detail = f"{look.ended.outcome}, {verdict.sentence(look, look.ended, _PLAIN)}"
    return Step("tests", look.ended.code, detail=detail, todo=last)


def _wait_quietly(here: Here, made: start.Started, *, interrupted: bool) -> None:
    """Wait for the end of a run without a word; Ctrl-C stops one that is ours."""
    try:
        while not interrupted and status.look(here.records, made.record).live:
            stop.wait_ended(made.record, _TURN_S)
    except KeyboardInterrupt:
        interrupted = True
    if interrupted:
        if made.joined:
            raise KeyboardInterrupt
        stop.ask(made.record, "interrupt", "Ctrl-C")
        stop.wait_ended(made.record, 60 * _TURN_S)


def _report(
    here: Here, steps: list[Step], found: list[tuple[Record, RunView]], *, json: bool
) -> None:
    look = found[0][1] if found else None
    causes = causes_of(found[0][0]) if look is not None and look.counts.bad else []
    if json:
        say_json(view.to_json(steps, look, causes))
    else:
        say(view.lines(steps, here.style))
    path = here.environ.get(SUMMARY)
    if path:
        try:
            with Path(path).open("a", encoding="utf-8", errors="replace") as file:
                file.write(view.markdown(steps, look, causes))
        except OSError as error:
            complain(f"{SUMMARY} cannot be written: {error.strerror}. Nothing else depends on it.")
