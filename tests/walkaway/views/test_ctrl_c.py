"""The lines of Ctrl-C and of a stop that came too late."""

from __future__ import annotations

from tests.walkaway.views import samples
from walkaway.text import Style
from walkaway.views import ctrl_c


def test_each_line_names_the_run_and_how_to_look_again() -> None:
    run, style = samples.RUN, Style()
    name = run.short
    assert ctrl_c.goes_on(run, style) == f"{name} is still running: inv wait --run {name}"
    assert ctrl_c.stopping(run, style) == f"stopping {name}: Ctrl-C again to stop waiting"
    assert ctrl_c.left_stopping(run, style) == (
        f"{name} is still being stopped: inv progress --run {name}"
    )
    assert ctrl_c.over_already(run) == f"{name} had already ended: nothing was stopped"
