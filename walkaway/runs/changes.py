"""How old a verdict is, and whether the source tree has changed since the run ended.

Takes half a second at most: where git is too slow for that, the answer is "not known".
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from walkaway.model import events, journal_kinds
from walkaway.model.run_view import RunView, SinceEnd, TreeState
from walkaway.process import clock
from walkaway.record import reader
from walkaway.record.store import Record
from walkaway.runs import source_tree

KEPT = "tree.json"
_LIMIT_S = 0.5
"""`git status` takes up to 0.4 s on 100,000 files."""
_KEPT_BYTES = 1 << 20
_JOURNAL_BYTES = 64 * 1024
_NAMED = 20


def since_end(record: Record, root: Path, look: RunView) -> SinceEnd:
    """Return the age of an ended run's verdict, and what has changed in the tree since."""
    age_s = _age_s(look)
    then = _last_tree(record) or _fingerprint_alone(record)
    until = time.monotonic() + _LIMIT_S
    try:
        now = source_tree.fingerprint(str(root), until) if then else None
        if not then or not now or not now.fingerprint:
            return SinceEnd(age_s, TreeState.UNKNOWN)
        same = now.fingerprint == then.fingerprint
        paths = [] if same else _differing(str(root), then, now, until)
    except TimeoutError:
        return SinceEnd(age_s, TreeState.UNKNOWN)
    if paths is None:
        return SinceEnd(age_s, TreeState.CHANGED)
    # Fingerprints differ but no path does: the tested changes have been committed since.
    standing = TreeState.CHANGED if paths else TreeState.SAME
    return SinceEnd(age_s, standing, tuple(paths[:_NAMED]), len(paths))


def _age_s(look: RunView) -> float:
    run = look.run
    if run.boot_id and run.boot_id == clock.boot_id():
        age_s = clock.boot_s() - run.started_boot - look.elapsed_s
    else:
        age_s = time.time() - run.created_s - look.elapsed_s
    return max(0.0, age_s)


def _differing(
    root: str, then: source_tree.Tree, now: source_tree.Tree, until: float
) -> list[str] | None:
    """Return the paths that differ between two trees; None when they cannot be named."""
    marks: dict[str, str] | None = now.dirty
    if then.head != now.head:
        if not then.head or not now.head or then.head.startswith("("):
            return None
        marks = source_tree.differing_from(root, then.head, until)
    if marks is None or (not then.head and not (then.dirty and marks)):
        return None  # for a large tree without git, only the fingerprint is known
    return sorted(p for p in {*then.dirty, *marks} if then.dirty.get(p) != marks.get(p))


def _last_tree(record: Record) -> source_tree.Tree | None:
    """Return the tree as the supervisor last saw it, from tree.json; None when there is none."""
    with contextlib.suppress(ValueError, TypeError):
        found = json.loads(reader.head(record.path(KEPT), _KEPT_BYTES))
        fingerprint, head, dirty = found
        if isinstance(fingerprint, str) and isinstance(head, str) and isinstance(dirty, dict):
            return source_tree.Tree(fingerprint, head, dirty) if fingerprint else None
    return None


def _fingerprint_alone(record: Record) -> source_tree.Tree | None:
    """Return the journal's last fingerprint: it shows whether the tree changed, but not where."""
    data = reader.tail(record.path("supervisor.jsonl"), _JOURNAL_BYTES)
    last = events.last(list(events.parse(data)), journal_kinds.SOURCE_TREE)
    fingerprint = events.text(last, "fp")
    return source_tree.Tree(fingerprint, "", {}) if fingerprint else None
