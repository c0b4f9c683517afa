"""Markdown step summary of a run, for the page of a CI job."""

from __future__ import annotations

import re
from collections.abc import Sequence

from walkaway.model.causes import Cause
from walkaway.model.run_view import RunView
from walkaway.model.vocabulary import Outcome
from walkaway.text import Style, duration, printable
from walkaway.views import phrases, verdict

_CAUSES = 20
_NAMED = 10
_TEXT_LINES = 30
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~&])")
_PLAIN = Style(width=160)
_GOOD = frozenset({Outcome.PASSED, Outcome.NOTHING_RUN})


def markdown(look: RunView, causes: Sequence[Cause]) -> str:
    """Return the verdict as a heading, then what it rests on, then causes with tracebacks."""
    ended = look.ended
    if ended is None:
        return f"### {escaped(phrases.standing(look, _PLAIN))}: {_arguments(look)}\n"
    mark = "✅" if ended.outcome in _GOOD else "❌"
    stands = phrases.standing(look, _PLAIN)
    if phrases.forgiven(look):
        mark, stands = "⚠️", "PASSED as a plugin decided"  # what failed comes next
    says = escaped(verdict.sentence(look, ended, _PLAIN))
    parts = [
        f"### {mark} {stands}: {says}",
        " · ".join(
            (
                _arguments(look),
                f"run `{look.run.id}`",
                f"exit {ended.code}",
                duration(look.elapsed_s),
                escaped(ended.rests_on),
            )
        ),
    ]
    if ended.notes:
        parts.append("\n".join(f"- {escaped(note)}" for note in ended.notes))
    parts += _named("Lost", ended.lost, ended.lost_ids)
    parts += _named("Crashed in", len(ended.crashed), ended.crashed)
    parts += _named("Passed only on a rerun", len(ended.flaky), ended.flaky)
    parts += _named("Stuck", len(ended.stuck), [test.id for test in ended.stuck])
    if causes:
        rows = ["| failures | cause | first test |", "|---:|---|---|"]
        rows += [_row(cause) for cause in causes[:_CAUSES]]
        parts.append("\n".join(rows))
        parts += [_details(cause) for cause in causes[:3] if cause.text]
    if ended.said:
        parts.append(_fenced(list(ended.said)))
    return "\n\n".join(parts) + "\n"


def _arguments(look: RunView) -> str:
    return _code(phrases.label(look.run))


def _named(title: str, count: int, names: Sequence[str]) -> list[str]:
    if not count:
        return []
    rows = [f"- {_code(name)}" for name in names[:_NAMED]]
    if count > len(rows):
        rows.append(f"- and {count - len(rows):,} more")
    return ["\n".join([f"{title}:", "", *rows])]


def _row(cause: Cause) -> str:
    first = _code(cause.ids[0]) if cause.ids else ""
    at = f" at {_code(cause.at)}" if cause.at else ""
    return f"| {cause.count:,} | {escaped(verdict.message(cause, 200))}{at} | {first} |"


def _details(cause: Cause) -> str:
    title = escaped(verdict.message(cause, 120))
    body = _fenced(cause.text.splitlines()[-_TEXT_LINES:])
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def escaped(text: str) -> str:
    """Return text on one line, escaped so that Markdown shows it literally."""
    return _SPECIAL.sub(r"\\\1", printable(text, 300))


def _code(text: str) -> str:
    shown = printable(text, 200).replace("|", "\\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def _fenced(rows: Sequence[str]) -> str:
    return "\n".join(["````text", *[printable(row, 200) for row in rows], "````"])
