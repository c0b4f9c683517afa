"""What outcome.json says of a judged run: the verdict with its tests, times and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from walkaway.model import disturbances, journal_kinds, progress, standing
from walkaway.model.endings import Verdict
from walkaway.model.events import Event, text, whole
from walkaway.model.facts import Facts
from walkaway.model.ledger import Ledger
from walkaway.model.observed import Observed
from walkaway.model.outcome_file import OutcomeFile
from walkaway.model.run import Run
from walkaway.model.vocabulary import Result
from walkaway.process import clock
from walkaway.record import reader

NAMED = 50
_MOST_PATHS = 8
_NOT_RUN = frozenset({Result.NOT_RUN, Result.NO_RESULT})


def build(  # noqa: PLR0913, PLR0917 - one record's parts
    run: Run,
    book: Ledger,
    names: list[str],
    facts: Facts,
    verdict: Verdict,
    observed: Observed,
) -> OutcomeFile:
    """Return the outcome, without what `judge` adds."""
    p = book.progress
    words = standing.unreported(book, verdict.outcome)
    lost = [index for index, word in words.items() if word == Result.LOST]
    crashed = [
        index
        for index, row in enumerate(book.rows)
        if Result.CRASHED in row.results or words.get(index) == Result.CRASHED
    ]
    counts = p.counts
    if p.worker_crashes and not p.dropped:
        subfailed = {"subfailed": counts["subfailed"]} if "subfailed" in counts else {}
        counts = book.counts | subfailed
    counts = progress.with_skipped(counts, p.skipped_whole)
    notes = list(verdict.notes)
    if observed.adopted and not observed.derived:
        notes.append("its supervisor died, and another one took over")
    notes += observed.backend.notes
    if observed.restored:
        notes.append("the record was deleted during the run, and restored")
    notes += disturbances.notes(p, names)
    if book.skipped_whole:
        notes.append(f"skipped as a whole during collection: {_modules(book.skipped_whole)}")
    healed = [i for i, row in enumerate(book.rows) if row.crashes and i not in set(crashed)]
    if healed:
        more = f" and {len(healed) - 1:,} more" if len(healed) > 1 else ""
        which = named(healed[:1], names)[0] + more
        notes.append(f"crashed its worker, then was rerun by a plugin: {which}")
    if p.passes > 1:
        notes.append(f"{p.passes} passes: tests lost with a crashed worker were run again")
    return OutcomeFile(
        id=run.id,
        outcome=verdict.outcome,
        code=verdict.code,
        pytest_exit=facts.status,
        signal=facts.signal,
        supervised=facts.supervised,
        started_at=clock.iso(run.created_s),
        ended_at=observed.ended_at,
        duration_s=round(p.last_t if observed.now is None else observed.now, 3),
        preparing_s=round(p.first_start or 0.0, 3),
        expected=p.expected + p.skipped_whole,
        reported=sum(n for name, n in counts.items() if name != "subfailed"),
        counts=counts,
        lost={"n": len(lost), "ids": named(lost, names)},
        not_run={
            "n": sum(word in _NOT_RUN for word in words.values()),
            "may_have_run": sum(word == Result.NO_RESULT for word in words.values()),
        },
        crashed=named(crashed, names),
        stopping=p.stopping,
        notes=tuple(notes),
        rests_on=verdict.rests_on,
        because=verdict.because,
        flaky=named(book.flaky, names) if facts.too_flaky else [],
        backend=run.backend,
        workers=len(p.workers),
        passes=p.passes,
        curve=book.curve,
        dropped=p.dropped,
        warnings=p.warnings,
        failures=p.failures,
        collection_errors=p.collection_errors,
    )


def _modules(skipped: Mapping[str, str]) -> str:
    """Return the first module skipped as a whole, and how many more there are."""
    more = f" and {len(skipped) - 1:,} more" if len(skipped) > 1 else ""
    return next(iter(skipped)) + more


def named(indexes: Sequence[int], names: Sequence[str]) -> list[str]:
    """Return the node ids of tests, 50 at most; `test #7` style text where the id is lost."""
    return [names[i] if i < len(names) else f"test #{i}" for i in indexes[:NAMED]]


def missing_paths(run: Run) -> list[str]:
    """Return notes on path arguments that do not exist: xdist's workers do not report them."""
    paths = [
        word for word in run.args if not word.startswith("-") and ("/" in word or ".py" in word)
    ]
    return [
        f"{word} does not exist"
        for word in paths[:_MOST_PATHS]
        if not (Path(run.cwd) / word.partition("::")[0]).exists()
    ]


def leftovers_and_tree(folder: Path) -> tuple[list[list[Any]], dict[str, Any] | None]:
    """Return what the supervisor journaled about processes left behind, and about the tree."""
    trees: list[Event] = []
    left: list[list[Any]] = []
    for event in reader.all_events(folder / "supervisor.jsonl"):
        pids = event.get("pids")
        if event["e"] == journal_kinds.SOURCE_TREE:
            trees = [*trees[:1], event]
        elif event["e"] == journal_kinds.PROCESSES_LEFT and isinstance(pids, list):
            left += [pair for pair in pids if isinstance(pair, list)]
    if not trees:
        return left[:NAMED], None
    first, last = trees[0], trees[-1]
    tree = {
        "fp": text(first, "fp"),
        "head": first.get("head"),
        "n": whole(first, "n"),
        "changed": last.get("changed") or [],
        "nchanged": whole(last, "nchanged"),
    }
    return left[:NAMED], tree
