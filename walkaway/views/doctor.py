"""Views of `doctor`: fit or not, one line per check, and how to fix each finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from walkaway.doctor import Checked, Finding, Grade
from walkaway.doctor.run_checks import Diagnosis
from walkaway.environment.reaper import Plan, Reaped
from walkaway.model import exit_codes
from walkaway.text import Style, duration, many, printable
from walkaway.views.phrases import following
from walkaway.views.run_json import SCHEMA

_NAMES = {Grade.OK: "ok", Grade.BAD: "NOT OK", Grade.UNKNOWN: "unknown", Grade.SKIPPED: "-"}
_WIDTH = 300
_SHOWN = 8


def lines(diagnosis: Diagnosis, style: Style) -> list[str]:
    """Return whether the checkout is fit, then every check, with a fix for each finding."""
    checks = diagnosis.checks
    findings = [finding for checked in checks for finding in checked.findings]
    found = [_first(diagnosis, len(findings), style)]
    width = max(len(checked.subject) for checked in checks)
    for checked in checks:
        found += _rows(checked, width, style)
    return [*found, _last(diagnosis, findings, style)]


def _first(diagnosis: Diagnosis, findings: int, style: Style) -> str:
    made = [checked for checked in diagnosis.checks if checked.grade is not Grade.SKIPPED]
    summary = f"{many(len(made), 'check')} in {duration(diagnosis.seconds)}"
    if diagnosis.fit:
        return f"{style.good('FIT')}  {summary}"
    what = many(findings, "finding")
    if diagnosis.code == exit_codes.NOT_STARTABLE:
        what = f"the engine does not answer, {what}"
    return f"{style.bad('NOT FIT')}  {what} in {summary}  exit {diagnosis.code}"


def _rows(checked: Checked, width: int, style: Style) -> list[str]:
    name = f"{_NAMES[checked.grade]:<7}"
    paint = {Grade.OK: style.good, Grade.BAD: style.bad, Grade.UNKNOWN: style.warn}
    mark = paint.get(checked.grade, style.dim)(name)
    rows = [f"{mark}  {checked.subject:<{width}}  {printable(checked.says, _WIDTH)}"]
    indent = " " * (len(name) + 2)
    for finding in checked.findings:
        if finding.says != checked.says:
            rows.append(f"{indent}{printable(finding.says, _WIDTH)}")
        rows.append(f"{indent}fix: {printable(finding.mend, _WIDTH)}")
    return rows


def _last(diagnosis: Diagnosis, findings: Sequence[Finding], style: Style) -> str:
    if diagnosis.fit:
        return following(style, style.command("test-async"))
    first = findings[0] if findings else Finding("", style.command("doctor"))
    return following(style, printable(first.mend, _WIDTH).split("    ", maxsplit=1)[0])


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis as one object."""
    return {
        "walkaway": SCHEMA,
        "fit": diagnosis.fit,
        "checks": [
            {
                "subject": checked.subject,
                "grade": checked.grade,
                "says": checked.says,
                "findings": [
                    {"says": finding.says, "mend": finding.mend} for finding in checked.findings
                ],
                "facts": dict(checked.facts),
            }
            for checked in diagnosis.checks
        ],
        "seconds": round(diagnosis.seconds, 3),
        "code": diagnosis.code,
    }


def reaped_lines(plan: Plan, done: Reaped, style: Style) -> list[str]:
    """Return what was removed, what could not be, and what was left alone on purpose."""
    found = [f"removed: {many(len(done.removed), 'thing')} of runs and checkouts that are gone"]
    removed = set(done.removed)
    rows = [
        f"  {printable(fate.thing.title, _WIDTH)}: {printable(fate.why, _WIDTH)}"
        for fate in plan.go
        if fate.thing.title in removed
    ]
    found += rows[:_SHOWN]
    if len(rows) > _SHOWN:
        found.append(f"  + {len(rows) - _SHOWN:,} more (--json lists all)")
    for name, why in list(done.failed.items())[:_SHOWN]:
        found.append(f"  {style.bad('not removed')} {printable(name)}: {printable(why, _WIDTH)}")
    found += [
        f"  kept {printable(fate.thing.title)}: {printable(fate.why, _WIDTH)}"
        for fate in plan.stay[:_SHOWN]
    ]
    return [*found, following(style, style.command("doctor"))]


def reaped_json(plan: Plan, done: Reaped, code: int) -> dict[str, Any]:
    """Return what the reaper did, as one object."""
    return {
        "walkaway": SCHEMA,
        "removed": done.removed,
        "failed": done.failed,
        "kept": {fate.thing.title: fate.why for fate in plan.stay},
        "code": code,
    }
