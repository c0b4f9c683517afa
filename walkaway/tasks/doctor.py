"""`doctor`: whether everything that a run needs is there and well."""

from __future__ import annotations

from invoke.context import Context

from walkaway.model import exitcodes
from walkaway.tasks import edge
from walkaway.tasks.edge import JSON_HELP, say, say_json


@edge.task(
    name="doctor",
    flags={
        "reap": "remove what runs and checkouts that are gone have left in the engine",
        "json": JSON_HELP,
    },
)
def doctor(c: Context, reap: bool = False, json: bool = False) -> int:
    """Say whether this checkout is fit to run tests, and what mends what is not."""
    from walkaway.environment import doctor as core
    from walkaway.views import doctor as view

    here = edge.here(c)
    if reap:
        return _reap(here, json=json)
    found = core.examine(here.root, here.settings(), here.environ, ci=here.ci)
    if json:
        say_json(view.as_json(found))
    else:
        say(view.lines(found, here.style))
    return found.code


def _reap(here: edge.Here, *, json: bool) -> int:
    from walkaway.environment import reaper
    from walkaway.tasks.environment import answering
    from walkaway.views import doctor as view

    answering(here, "doctor --reap")
    plan = reaper.everything(here.root, here.environ)
    done = reaper.carry_out(plan, here.environ)
    code = exitcodes.FAILED if done.failed else exitcodes.PASSED
    if json:
        say_json(view.reaped_json(plan, done, code))
    else:
        say(view.reaped_lines(plan, done, here.style))
    return code
