"""The lines of Ctrl-C and of a stop that came too late."""

from __future__ import annotations

from tests.walkaway.views import samples
from walkaway.views import leaving
from walkaway.views.style import Style


def test_each_line_names_the_run_and_how_to_look_again() -> None:
    run, style = samples.RUN, Style()
    name = run.short
    assert leaving.goes_on(run, style) == f"{name} goes on: inv wait --run {name}"
    assert leaving.stopping(run, style) == f"stopping {name}: Ctrl-C again to let it end by itself"
    assert leaving.left_stopping(run, style) == (
        f"{name} is still being stopped: inv progress --run {name}"
    )
    assert leaving.over_already(run) == f"{name} had ended before: nothing was stopped"
