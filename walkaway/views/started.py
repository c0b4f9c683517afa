"""View of a start: a run was started, or an identical one is running already."""

from __future__ import annotations

from walkaway.model.run import Run
from walkaway.text import Style, duration
from walkaway.views import phrases
from walkaway.views.phrases import GAP


def lines(run: Run, log: str, joined: bool, live_for_s: float, style: Style) -> list[str]:  # noqa: FBT001
    """Return what runs now, where its log is, and how to ask about it.

    ``log`` is an absolute path.
    """
    word = style.bold("already running" if joined else "started")
    if joined:
        note = f"(same arguments, same tree; for {duration(live_for_s)})"
    elif run.limits.deadline_s:
        note = f"(deadline {duration(run.limits.deadline_s)})"
    else:
        note = "(no deadline)"
    what = f"{phrases.label(run)} {style.dim(note)}"
    return [
        GAP.join((word, run.short, *phrases.why_here(run), what)),
        f"{style.dim('log:')} {phrases.path(run, log)}",
        phrases.following(
            style,
            style.command("progress", "--run", run.short),
            style.command("wait", "--run", run.short),
        ),
    ]
