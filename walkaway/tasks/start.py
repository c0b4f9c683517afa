"""`test` and `test-async`: start a run, and stay with it or not."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.tasks import Task

from walkaway.model import exit_codes
from walkaway.runs import rerun as reruns
from walkaway.runs import start, stop
from walkaway.runs.request import Options, planned_run
from walkaway.tasks import invoke_adapter
from walkaway.tasks.follow import follow
from walkaway.tasks.invoke_adapter import Here, complain, remainder, say, say_json
from walkaway.views import ctrl_c, run_json, started

_END_WAIT_S = 60.0
SPREAD_FLAGS = {
    "workers": "number of workers, or auto: as CPU quota and memory allow",
    "dist": "forks (collect once, fork workers), or how xdist spreads tests: load, loadscope, "
    "loadfile, loadgroup, worksteal, each, no",
}
_FLAGS = {
    **SPREAD_FLAGS,
    "timeout": "end the run after S seconds (or 15m, 1.5h); default: PYTEST_TIMEOUT, else 4 h",
    "stall": "end the run after S seconds without progress or CPU use; 0: never",
    "fail_fast": "stop at the first failure (-x)",
    "last_failed": "run only last time's failures (--lf)",
    "failed_first": "run last time's failures first (--ff)",
    "rerun": "rerun what failed in RUN or for one cause (RUN:CAUSE), or did not run (RUN:not-run)",
    "order_seed": "run in the random order of this seed; `flaky` prints the one to repeat",
    "again": "start a new run even if an identical one is live",
    "backend": "where to run: local, compose, or auto (compose if an engine answers)",
    "no_services": "in Compose: these tests need no services; do not wait for an environment",
    "notify": "show a desktop notification at the end",
    "json": invoke_adapter.JSON_HELP,
}


def _made(name: str, help_text: str, *, stay: bool) -> Task[Any]:
    """Make one of the two tasks: the same flags, one of them stays until the verdict."""

    def begin(
        c: Context,
        workers: str | None = None,
        dist: str | None = None,
        timeout: str | None = None,
        stall: str | None = None,
        rerun: str | None = None,
        order_seed: str | None = None,
        fail_fast: bool = False,
        last_failed: bool = False,
        failed_first: bool = False,
        again: bool = False,
        backend: str | None = None,
        no_services: bool = False,
        notify: bool = False,
        json: bool = False,
    ) -> int:
        here = invoke_adapter.here(c)
        options = Options(
            workers=workers,
            dist=dist,
            timeout=timeout,
            stall=stall,
            fail_fast=fail_fast,
            last_failed=last_failed,
            failed_first=failed_first,
            notify=notify,
            order_seed=order_seed,
            backend=backend,
            no_services=no_services,
        )
        with ctrl_c_later() as pressed:
            made = begin_run(here, options, remainder(c), rerun, again=again)
        if stay:
            return stay_until_ended(here, made, json=json, interrupted=bool(pressed))
        tell_started(here, made, json=json)
        return 0

    begin.__doc__ = help_text
    return invoke_adapter.task(name=name, flags=_FLAGS)(begin)


def tell_started(here: Here, made: start.Started, *, json: bool) -> None:
    """Say which run was started or joined."""
    if json:
        say_json(run_json.started(made.run, str(made.record.log), joined=made.joined))
    else:
        say(_lines(here, made))


def _lines(here: Here, made: start.Started) -> list[str]:
    live_for_s = time.time() - made.run.created_s if made.joined else 0.0
    return started.lines(made.run, str(made.record.log), made.joined, live_for_s, here.style)


def stay_until_ended(
    here: Here, made: start.Started, *, json: bool, interrupted: bool = False
) -> int:
    """Follow a run to its verdict. Ctrl-C stops it, unless it was joined."""
    try:
        # Before the wait: a shell that is killed leaves at least the run's id behind.
        first = _lines(here, made)[0]
        if json:
            complain(first)
        else:
            say([first])
        if not interrupted:
            return follow(here, made.record, None, json=json, ours=True)
    except KeyboardInterrupt:
        pass
    if made.joined:  # somebody else's run: we only watched
        complain(ctrl_c.goes_on(made.run, here.style))
        return exit_codes.CTRL_C
    return _end(here, made, json=json)


def _end(here: Here, made: start.Started, *, json: bool) -> int:
    """Stop our run after Ctrl-C and tell its verdict, unless Ctrl-C comes again."""
    complain(ctrl_c.stopping(made.run, here.style))
    try:
        stop.ask(made.record, "interrupt", "Ctrl-C")
        if stop.wait_ended(made.record, _END_WAIT_S):
            return follow(here, made.record, 0, json=json, ours=True)
    except KeyboardInterrupt:
        pass
    complain(ctrl_c.left_stopping(made.run, here.style))
    return exit_codes.CTRL_C


@contextmanager
def ctrl_c_later() -> Iterator[list[int]]:
    """Hold Ctrl-C back while a run is made, so that there is one to stop; yields what came."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def begin_run(
    here: Here,
    options: Options,
    args: tuple[str, ...],
    selector: str | None = None,
    *,
    again: bool,
) -> start.Started:
    """Start the run that the flags ask for; ``selector`` is --rerun's.

    A start that does not get that far leaves a mark for the looks that follow.
    """
    with here.marked_start():
        return _begin_run(here, options, args, selector, again=again)


def _begin_run(
    here: Here, options: Options, args: tuple[str, ...], selector: str | None, *, again: bool
) -> start.Started:
    select: tuple[str, ...] = ()
    cwd = invoke_adapter.current_folder()
    if selector is not None:
        earlier, select = reruns.find(here.records, selector, here.origin())
        args, cwd = args or earlier.args, Path(earlier.cwd)
        options = replace(options, backend=options.backend or earlier.backend)
    run = planned_run(
        root=here.root,
        cwd=cwd,
        args=args,
        options=options,
        conf=here.settings(),
        environ=here.environ,
        origin=here.origin(),
        ci=here.ci,
    )
    if selector is not None:
        run = run._replace(label=f"--rerun {selector} {run.label}".strip())
    return start.start(here.records, run, again=again, select=select)


test_async = _made(
    "test-async",
    "Start the tests detached and return at once: inv test-async -- PYTEST ARGS.",
    stay=False,
)
test = _made(
    "test",
    "Run the tests and wait for the verdict: inv test -- PYTEST ARGS. Ctrl-C stops them.",
    stay=True,
)
