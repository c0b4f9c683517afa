"""Views of `ci`: each step as it ends, the result at the end, a summary for the CI page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from walkaway.model.causes import Cause
from walkaway.model.ci_step import Step, code_of
from walkaway.model.run_view import RunView
from walkaway.text import Style, duration, printable
from walkaway.views import run_json, summary
from walkaway.views.phrases import GAP

SCHEMA = 1


def heading(name: str, style: Style) -> str:
    """Return the heading printed before a step."""
    return style.bold(f"== {name}")


def step_line(step: Step, style: Style) -> str:
    """Return how a step ended: `lint: passed in 3.2 s`."""
    if step.skipped:
        return f"{step.name}: skipped, {printable(step.detail, 200)}"
    word = style.bad(f"failed ({step.code})") if step.code else style.good("passed")
    detail = f"{GAP}{printable(step.detail, 200)}" if step.detail else ""
    return f"{step.name}: {word} in {duration(step.seconds)}{detail}"


def lines(steps: Sequence[Step], style: Style) -> list[str]:
    """Return the result: one line if all is well, plus two lines per failed step otherwise."""
    code = code_of(tuple(steps))
    text = ", ".join(f"{step.name} {_word(step)}" for step in steps)
    first = style.bad("CI FAILED") if code else style.good("CI PASSED")
    parts = [first, text] + ([f"exit {code}"] if code else [])
    found = [GAP.join(parts)]
    for step in sorted(steps, key=lambda step: step.code != code):
        if step.code:
            found.append(f"{step.name}: {printable(step.detail, 300)}")
            found.append(f"{style.dim('next:')} {printable(step.todo, 300)}")
    return found


def _word(step: Step) -> str:
    if step.skipped:
        return "skipped"
    return f"{'failed' if step.code else 'passed'} {duration(step.seconds)}"


def to_json(steps: Sequence[Step], look: RunView | None, causes: Sequence[Cause]) -> dict[str, Any]:
    """Return the answer of `ci --json`."""
    return {
        "walkaway": SCHEMA,
        "steps": [
            {
                "name": step.name,
                "code": step.code,
                "seconds": round(step.seconds, 3),
                "skipped": step.skipped,
                "said": step.detail,
                "next": step.todo,
            }
            for step in steps
        ],
        "run": None if look is None else run_json.look(look, causes),
        "code": code_of(tuple(steps)),
    }


def markdown(steps: Sequence[Step], look: RunView | None, causes: Sequence[Cause]) -> str:
    """Return the Markdown summary: the run's verdict, then the steps."""
    rows = ["| step | | time | |", "|---|---|---:|---|"]
    for step in steps:
        mark = "skipped" if step.skipped else "❌" if step.code else "✅"
        text = summary.escaped(f"{step.detail}. Next: {step.todo}" if step.code else step.detail)
        rows.append(f"| {step.name} | {mark} | {duration(step.seconds)} | {text} |")
    parts = [] if look is None else [summary.markdown(look, causes).rstrip()]
    return "\n\n".join([*parts, "\n".join(rows)]) + "\n"
