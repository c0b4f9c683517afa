"""What a look without `--run` asks first: did the last start make a record at all?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model.last_start import LastStart, Stage
from walkaway.model.run_view import RunView
from walkaway.runs import last_start, status
from walkaway.tasks.invoke_adapter import Here, say, say_json
from walkaway.views import last_start as view
from walkaway.views import run_json

_POLL_S = 0.1
_BRIEF_S = 3.0
"""What a look gives a start that is under way: most take a fraction of a second."""
Shape = Callable[[LastStart, RunView | None], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Without:
    """The last start made no record; ``before`` is the run that there was before it."""

    start: LastStart
    before: RunView | None


def without_record(here: Here, selector: str | None, wait_s: float = _BRIEF_S) -> Without | None:
    """Return the last start when it is meant and made no record, else None.

    ``wait_s``: how long it is waited for while it is still under way, in seconds.
    """
    if selector is not None and selector.strip() != "latest":
        return None
    place = here.last_start()
    until = time.monotonic() + wait_s
    found = last_start.standing(place)
    while found is not None and found.stage is Stage.STARTING and time.monotonic() < until:
        time.sleep(_POLL_S)
        found = last_start.standing(place)
    return None if found is None else Without(found, _before(here))


def tell(here: Here, found: Without, task: str, shape: Shape, *, json: bool) -> None:
    """Answer a look with the last start, in text or as ``shape`` makes it an object."""
    if json:
        say_json(shape(found.start, found.before))
    else:
        before = view.of_run(found.before, here.style, task)
        say(view.lines(found.start, here.style, time.time(), here.style.command(task), before))


def answered(
    here: Here,
    selector: str | None,
    task: str,
    *,
    json: bool,
    shape: Shape = run_json.no_record,
) -> bool:
    """Answer a look with the last start if that made no record; False when it made one."""
    found = without_record(here, selector)
    if found is not None:
        tell(here, found, task, shape, json=json)
    return found is not None


def _before(here: Here) -> RunView | None:
    try:
        return status.look(here.records, here.record(None))
    except WalkawayError:
        return None
