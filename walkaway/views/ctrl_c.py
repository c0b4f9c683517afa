"""Say what Ctrl-C did: the run goes on, or it is being stopped."""

from __future__ import annotations

from walkaway.model.run import Run
from walkaway.text import Style


def goes_on(run: Run, style: Style) -> str:
    """Return that only the watching ended, and how to look again."""
    return f"{run.short} is still running: {style.command('wait', '--run', run.short)}"


def follows_no_more(run: Run, style: Style) -> str:
    """Return that only following the log ended, and how to continue."""
    again = style.command("log", "--run", run.short, "--follow")
    return f"{run.short} is still running: {style.command('wait', '--run', run.short)}  or  {again}"


def stopping(run: Run, style: Style) -> str:
    """Return that the run is being stopped while we wait for its end."""
    return f"{style.warn('stopping')} {run.short}: Ctrl-C again to stop waiting"


def left_stopping(run: Run, style: Style) -> str:
    """Return that nobody waits any more for a run that is being stopped."""
    return f"{run.short} is still being stopped: {style.command('progress', '--run', run.short)}"


def over_already(run: Run) -> str:
    """Return that there was nothing to stop."""
    return f"{run.short} had already ended: nothing was stopped"
