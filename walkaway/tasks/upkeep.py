"""`rotate-logs` and `compile-deps`: old records away, requirements locked."""

from __future__ import annotations

import contextlib
import math
import time

from invoke.context import Context

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.record.store import FOLDER
from walkaway.tasks import invoke_adapter
from walkaway.tasks.invoke_adapter import JSON_HELP, say, say_json

_MOST_DAYS = 36_500


@invoke_adapter.task(
    name="rotate-logs",
    flags={
        "days": "keep runs younger than this many days; 0: keep none for their age",
        "keep": "keep the newest N finished runs, whatever their age; 0: none",
        "dry_run": "print the plan and delete nothing",
        "json": JSON_HELP,
    },
)
def rotate_logs(
    c: Context, days: str = "7", keep: str = "10", dry_run: bool = False, json: bool = False
) -> int:
    """Delete old records: finished runs that neither --days nor --keep keeps."""
    from walkaway.upkeep import prune, retention, survey
    from walkaway.views import upkeep as view

    here = invoke_adapter.here(c)
    policy = retention.Policy(_days(days), invoke_adapter.whole(keep, "keep"))
    folder = here.records.folder
    with contextlib.nullcontext() if dry_run else prune.alone(folder):
        plan = retention.plan(survey.survey(folder), policy, time.time())
        sizes = survey.sizes(folder, plan)
        if not json:
            say(view.plan_lines(plan, sizes, here.style, str(FOLDER)))
        if dry_run:
            if json:
                say_json(view.plan_json(plan, sizes, str(folder), None, 0))
            else:
                say([view.dry_run_end(plan, here.style)])
            return 0
        done = prune.carry_out(folder, plan)
    freed = sum(sizes[name] for name in done.deleted)
    if json:
        say_json(view.plan_json(plan, sizes, str(folder), done, freed))
    else:
        say(view.pruned_lines(plan, done, here.style, freed))
    return exit_codes.FAILED if done.failed else 0


def _days(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= _MOST_DAYS or math.isnan(number):
        message = f"--days is {value!r}: give a number of days, 0 to {_MOST_DAYS}."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return number


@invoke_adapter.task(
    name="compile-deps",
    flags={
        "upgrade": "upgrade to newer versions that the .in files allow",
        "check": "change nothing; exit 1 when a lock is stale",
        "json": JSON_HELP,
    },
)
def compile_deps(c: Context, upgrade: bool = False, check: bool = False, json: bool = False) -> int:
    """Compile every requirements*.in to a lock with hashes, for all platforms; pins stay."""
    from walkaway.upkeep import lockfile, locks
    from walkaway.views import upkeep as view

    here = invoke_adapter.here(c)
    if upgrade and check:
        message = "--check changes nothing and --upgrade does: give one of them."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    begun = time.monotonic()
    found: list[lockfile.Lock] = []
    if locks.sources(here.root):
        where = locks.project(here.root, here.environ)
        found = locks.check(where) if check else locks.compile_all(where, upgrade=upgrade)
    stale = any(lock.standing is lockfile.LockState.STALE for lock in found)
    code = exit_codes.FAILED if stale else 0
    if json:
        say_json(view.lock_json(found, check=check, code=code))
    else:
        seconds = time.monotonic() - begun
        say(view.lock_lines(found, here.style, check=check, seconds=seconds))
    return code
