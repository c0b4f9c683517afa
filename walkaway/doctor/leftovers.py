"""Check for leftovers: runs without a verdict, and things of deleted checkouts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from walkaway.doctor import Around, Checked, Finding, judged, unknown
from walkaway.environment import reaper
from walkaway.environment.reaper import Fate
from walkaway.errors import WalkawayError
from walkaway.record.store import FOLDER, PREFIX, Records
from walkaway.text import duration
from walkaway.upkeep import survey
from walkaway.upkeep.retention import DAY_S, State, Stored

_SHOWN = 5


def stale_runs(around: Around) -> Checked:
    """Check for runs without an outcome that nobody will write any more."""
    subject = "runs"
    records = Records(around.root)
    try:
        found = survey.survey(records.folder).runs
    except WalkawayError as error:
        return unknown(subject, error.message.splitlines()[0], f"ls -la {FOLDER}")
    now = time.time()
    return judge_runs([run for run in found if _open(records, run)], len(found), now)


def _open(records: Records, run: Stored) -> bool:
    return not records.record(run.id).path("outcome.json").exists()


def judge_runs(unjudged: Sequence[Stored], total: int, now_s: float) -> Checked:
    """Judge the runs that have no outcome."""
    live = [run for run in unjudged if run.state in {State.LIVE, State.HUNT}]
    findings = []
    for run in unjudged:
        age = now_s - run.ended_s
        if run.state is State.DONE:
            why = "its supervisor and pytest are gone"
        elif run.state in {State.UNKNOWN, State.TORN} and age > DAY_S:
            why = run.note
        else:
            continue
        files = Path(FOLDER, f"{PREFIX}{run.id}")
        mend = f"inv progress --run {run.id[-4:]}    tells what it left; then: rm -r {files}*"
        findings.append(Finding(f"run {run.id} has no verdict, {duration(age)} old: {why}", mend))
    more = len(findings) - _SHOWN
    if more > 0:
        rest = Finding(f"{more} more runs have no verdict", "inv rotate-logs --dry-run")
        findings = [*findings[:_SHOWN], rest]
    says = f"{total} recorded, {len(live)} live"
    return judged("runs", says, findings, {"recorded": total, "live": [run.id for run in live]})


def reapable(around: Around) -> Checked:
    """Check what ended runs and deleted checkouts have left in the engine."""
    subject = "leftovers"
    try:
        plan = reaper.everything(around.root, around.environ)
    except WalkawayError as error:
        return unknown(subject, error.message.splitlines()[0], "docker ps --all")
    return judge_plan(plan)


def judge_plan(plan: reaper.Plan) -> Checked:
    """Judge what the reaper would remove."""
    findings = [Finding(text, "inv doctor --reap") for text in reason_lines(plan.go)]
    says = "nothing is left of runs and checkouts that are gone"
    if findings:
        says = f"{_kinds(plan.go)} left by runs and checkouts that are gone"
    stay = [fate.thing.name for fate in plan.stay]
    if stay:
        says += f"; not to be touched yet: {', '.join(stay[:_SHOWN])}"
    facts = {
        "remove": [
            {"kind": fate.thing.kind, "name": fate.thing.name, "why": fate.why} for fate in plan.go
        ],
        "keep": [
            {"kind": fate.thing.kind, "name": fate.thing.name, "why": fate.why}
            for fate in plan.stay
        ],
    }
    return judged("leftovers", says, findings, facts)


def reason_lines(fates: Sequence[Fate]) -> list[str]:
    """Return a line per reason: how many things of which kind go, and why."""
    reasons = dict.fromkeys(fate.why for fate in fates)
    lines = []
    for why in list(reasons)[:_SHOWN]:
        of = [fate for fate in fates if fate.why == why]
        name = of[0].thing.name if len(of) == 1 else _kinds(of)
        lines.append(f"{name}: {why}")
    if len(reasons) > _SHOWN:
        lines.append(f"{len(reasons) - _SHOWN} more checkouts and runs left something")
    return lines


def _kinds(fates: Sequence[Fate]) -> str:
    counts = Counter(fate.thing.kind for fate in fates)
    return ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items())
