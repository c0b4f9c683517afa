"""Views of `rotate-logs` and `compile-deps`, as lines and JSON objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from walkaway.text import Style, duration, many, printable, size
from walkaway.upkeep.lockfile import Lock, LockState
from walkaway.upkeep.prune import Pruned
from walkaway.upkeep.retention import DAY_S, Fate, Kind, Plan, State
from walkaway.views.phrases import following
from walkaway.views.run_json import SCHEMA

_SHOWN = 40
_SHOWN_KEPT = 6
_SHOWN_CHANGES = 12
_KINDS = {
    Kind.GONE: "left by an interrupted rotation",
    Kind.NEW: "left by a start that died",
    Kind.MARK: "a note about a refused start",
    Kind.PID: "its process is gone and no run is left",
}


def plan_lines(plan: Plan, sizes: Mapping[str, int], style: Style, folder: str) -> list[str]:
    """Return the plan: how much goes, a line per item that goes, and what stays and why.

    ``sizes`` are bytes on disk, by run id and leftover's name.
    """
    total = sum(sizes.values())
    runs = many(len(plan.fates), "run")
    if not plan.go and not plan.leftovers:
        first = f"nothing to delete: {runs} in {folder}"
    else:
        first = f"to delete: {len(plan.go):,} of {runs} in {folder}, {size(total)}"
    rows = [_row(fate, sizes) for fate in plan.go]
    rows += [
        f"{left.name}  {_KINDS[left.kind]}  {size(sizes[left.name])}" for left in plan.leftovers
    ]
    found = [style.bold(first), *(f"  {row}" for row in rows[:_SHOWN])]
    if len(rows) > _SHOWN:
        found.append(f"  + {len(rows) - _SHOWN:,} more (--json lists all)")
    return [*found, *_kept(plan)]


def _row(fate: Fate, sizes: Mapping[str, int]) -> str:
    why = f"{duration(fate.age_s)} old, number {fate.rank:,} from the newest"
    return f"{fate.run.id}  {why}  {size(sizes[fate.run.id])}"


def _kept(plan: Plan) -> list[str]:
    """Return what stays: what the policy keeps on one line, everything else by name."""
    counts = Counter(fate.why for fate in plan.stay)
    parts = []
    if counts["newest"]:
        parts.append(f"the newest {counts['newest']:,}")
    if counts["young"]:
        parts.append(f"{counts['young']:,} not older than {_days(plan.policy.days)}")
    if counts[State.HUNT]:
        parts.append(many(counts[State.HUNT], "attempt") + " of running hunts")
    if plan.foreign:
        parts.append(many(plan.foreign, "foreign file"))
    found = [f"kept: {', '.join(parts)}"] if parts else []
    odd = [fate for fate in plan.stay if fate.run.state not in {State.DONE, State.HUNT}]
    found += [f"kept: {fate.run.id}  {printable(fate.run.note, 80)}" for fate in odd[:_SHOWN_KEPT]]
    if len(odd) > _SHOWN_KEPT:
        found.append(f"kept: {len(odd) - _SHOWN_KEPT:,} more that are not known to be finished")
    return found


def _days(days: float) -> str:
    return f"{days:g} day{'' if days == 1 else 's'}"


def dry_run_end(plan: Plan, style: Style) -> str:
    """Return the last line of a dry run: how to carry it out, or how to make more go."""
    if not plan.go and not plan.leftovers:
        return _more(plan, style)
    policy = ("--days", f"{plan.policy.days:g}", "--keep", str(plan.policy.keep))
    command = style.command("rotate-logs", *policy)
    return f"dry run, nothing was deleted. {following(style, command)}"


def pruned_lines(plan: Plan, done: Pruned, style: Style, freed_bytes: int) -> list[str]:
    """Return what was done, and what to do about what could not be."""
    if not plan.go and not plan.leftovers:
        return [_more(plan, style)]
    bad = [f"  {name}: {printable(why)}" for name, why in done.failed.items()]
    found = [style.bad(f"not deleted: {len(bad):,}"), *bad[:_SHOWN_KEPT]] if bad else []
    runs = sum(fate.run.id in set(done.deleted) for fate in plan.go)
    end = f"deleted {many(runs, 'run')}, {size(freed_bytes)} freed."
    following_command = style.command("rotate-logs") if bad else style.command("runs")
    return [*found, f"{end} {following(style, following_command)}"]


def _more(plan: Plan, style: Style) -> str:
    """Return what to do when nothing goes: if the age rule keeps some, switch it off."""
    if any(fate.why == "young" for fate in plan.stay):
        words = ("--dry-run", "--days", "0", "--keep", str(plan.policy.keep))
        return f"by number alone: {style.command('rotate-logs', *words)}"
    if not plan.fates:
        return following(style, style.command("test-async"))
    return following(style, style.command("runs"))


def plan_json(
    plan: Plan, sizes: Mapping[str, int], folder: str, done: Pruned | None, freed_bytes: int
) -> dict[str, Any]:
    """Return plan and result as one object. ``done`` is None for a dry run."""
    return {
        "walkaway": SCHEMA,
        "folder": folder,
        "days": plan.policy.days,
        "keep": plan.policy.keep,
        "dry_run": done is None,
        "delete": [
            {
                "id": fate.run.id,
                "days_old": round(fate.age_s / DAY_S, 3),
                "rank": fate.rank,
                "bytes": sizes[fate.run.id],
            }
            for fate in plan.go
        ],
        "leftovers": [
            {"name": left.name, "why": left.kind, "bytes": sizes[left.name]}
            for left in plan.leftovers
        ],
        "kept": [{"id": fate.run.id, "why": fate.why, "note": fate.run.note} for fate in plan.stay],
        "foreign": plan.foreign,
        "bytes": sum(sizes.values()),
        "deleted": done.deleted if done else [],
        "failed": done.failed if done else {},
        "freed_bytes": freed_bytes,
        "code": int(bool(done and done.failed)),
    }


def lock_lines(locks: Sequence[Lock], style: Style, *, check: bool, seconds: float) -> list[str]:
    """Return which locks are stale or were written, what changed, and the next command."""
    if not locks:
        command = style.command("compile-deps")
        return [
            "no requirements*.in here: nothing to compile",
            f"next: write the direct dependencies into requirements.in, then {command}",
        ]
    changed = [lock for lock in locks if lock.standing is not LockState.FRESH]
    names = ", ".join(lock.name for lock in changed)
    if not changed:
        first = style.good(f"{many(len(locks), 'lock')} fresh")
    elif check:
        first = style.bad(f"{len(changed)} of {many(len(locks), 'lock')} stale") + f": {names}"
    else:
        first = style.good(f"{len(changed)} of {many(len(locks), 'lock')} written") + f": {names}"
    found = [f"{first} ({duration(seconds)})"]
    for lock in changed:
        found += _changes(lock)
    return [*found, _after(changed, style, check=check)]


def _changes(lock: Lock) -> list[str]:
    rows = [
        f"  {lock.name}: {change.name} {change.old or '(new)'} -> {change.new or '(gone)'}"
        for change in lock.changes
    ]
    if not rows:
        rows = [f"  {lock.name}: {lock.why}", *(f"    {line}" for line in lock.diff)]
    more = (
        [f"  {lock.name}: + {len(rows) - _SHOWN_CHANGES} more"]
        if len(rows) > _SHOWN_CHANGES
        else []
    )
    return rows[:_SHOWN_CHANGES] + more


def _after(changed: Sequence[Lock], style: Style, *, check: bool) -> str:
    if not changed:
        return f"newer versions: {style.command('compile-deps', '--upgrade')}"
    if check:
        return following(style, style.command("compile-deps"))
    return following(style, f"git diff {' '.join(lock.name for lock in changed)}")


def lock_json(locks: Sequence[Lock], *, check: bool, code: int) -> dict[str, Any]:
    """Return the state of each lock, as one object."""
    return {
        "walkaway": SCHEMA,
        "check": check,
        "locks": [
            {
                "file": lock.name,
                "source": lock.source,
                "standing": lock.standing,
                "why": lock.why,
                "changes": [
                    {"name": change.name, "old": change.old, "new": change.new}
                    for change in lock.changes
                ],
                "diff": lock.diff,
            }
            for lock in locks
        ],
        "code": code,
    }
