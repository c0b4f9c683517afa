"""`doctor`: whether everything that a run needs is there and well."""

from __future__ import annotations

from invoke.context import Context

from walkaway.model import exit_codes
from walkaway.tasks import invoke_adapter
from walkaway.tasks.invoke_adapter import JSON_HELP, say, say_json


@invoke_adapter.task(
    name="doctor",
    flags={
        "reap": "remove what vanished runs and checkouts left in the engine",
        "json": JSON_HELP,
    },
)
def doctor(c: Context, reap: bool = False, json: bool = False) -> int:
    """Check whether this checkout can run tests, and say how to fix what is wrong."""
    from walkaway.doctor import run_checks as core
    from walkaway.views import doctor as view

    here = invoke_adapter.here(c)
    if reap:
        return _reap(here, json=json)
    found = core.examine(here.root, here.settings(), here.environ, ci=here.ci)
    if json:
        say_json(view.as_json(found))
    else:
        say(view.lines(found, here.style))
    return found.code


def _reap(here: invoke_adapter.Here, *, json: bool) -> int:
    from walkaway.environment import reaper
    from walkaway.tasks.environment import answering
    from walkaway.views import doctor as view

    answering(here, "doctor --reap")
    plan = reaper.everything(here.root, here.environ)
    done = reaper.carry_out(plan, here.environ)
    code = exit_codes.FAILED if done.failed else exit_codes.PASSED
    if json:
        say_json(view.reaped_json(plan, done, code))
    else:
        say(view.reaped_lines(plan, done, here.style))
    return code
