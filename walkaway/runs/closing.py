"""The judgement at a run's end: the ledger, another pass or the outcome, times and JUnit.

Runs in a child of the supervisor (it reads the whole record), and in readers when both supervisor
and pytest are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from walkaway.model import endings, ledger
from walkaway.model.endings import Facts, Verdict
from walkaway.model.ledger import Ledger
from walkaway.model.run import Run
from walkaway.model.words import Outcome, Result
from walkaway.runs import again, reader, stuck, usual
from walkaway.runs.store import Record
from walkaway.views import junit

_NAMED = 50
_SAID_LINES = 8
_SAID_FOR = frozenset({
    Outcome.NOT_STARTED, Outcome.USAGE_ERROR, Outcome.INTERNAL_ERROR, Outcome.NO_TESTS,
})  # fmt: skip


def judge(record: str, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{"again": n}` when another pass of n tests is due, else the outcome.

    ``observed`` is what the supervisor saw: exit_code, signal, ended_by, why, out_of_memory,
    spawn_error, adopted, pass, now (seconds), ended_at. Writes select-N.txt, durations.bin and
    junit.xml; failing to write the last two is a note, never an error.
    """
    folder = Path(record)
    run = Record(folder).run()
    names = reader.ids(folder)
    book = ledger.build(names, reader.all_events(folder / "events.jsonl"))
    facts = gather(book, observed)
    if observed.get("pass", 1) < again.MOST_PASSES:
        more = again.lost_with_a_worker(book, facts)
        if more:
            again.write_selection(folder, observed["pass"] + 1, [names[i] for i in more])
            return {"again": len(more)}
    verdict = endings.decide(facts)
    outcome = _outcome(run, book, names, facts, verdict, observed)
    stuck_tests = stuck.find(folder, book, names) if observed.get("ended_by") else []
    outcome["stuck"] = [asdict(test) for test in stuck_tests]
    if verdict.outcome in _SAID_FOR:
        outcome["said"] = reader.log_lines(Record(folder).log, _SAID_LINES)
    outcome["notes"] += _write_reports(folder, run, book, names, facts)
    return outcome


def judge_for_reader(record: str) -> dict[str, Any]:
    """Judge a run that nobody was left to judge, from its record alone. Writes nothing."""
    folder = Path(record)
    run = Record(folder).run()
    names = reader.ids(folder)
    book = ledger.build(names, reader.all_events(folder / "events.jsonl"))
    observed = {"adopted": True, "now": book.progress.last_t}
    facts = gather(book, observed)
    outcome = _outcome(run, book, names, facts, endings.decide(facts), observed)
    outcome["notes"] = ["its supervisor died; pytest's end comes from the recorder's last event"]
    return {**outcome, "stuck": [], "derived": True}


def gather(book: Ledger, observed: Mapping[str, Any]) -> Facts:
    """Return the facts of a run's end, from its events and what was observed."""
    p = book.progress
    ended = p.ended or {}
    counts = p.counts
    missing = sum(row.missing for row in book.rows)
    done = sum(n for name, n in counts.items() if name != "subfailed")
    told = bool(p.ended) and p.dropped > 0 and done >= p.expected
    signal_number = observed.get("signal")
    interrupted = p.interrupted or {}
    return Facts(
        loaded=p.loaded,
        exit_code=observed.get("exit_code") if p.passes == 1 else _worst(observed, book),
        signal=signal_number,
        end=ended.get("exit") if isinstance(ended.get("exit"), int) else None,
        ended_by=_ended_by(observed),
        why=str(observed.get("why", "")),
        out_of_memory=bool(observed.get("out_of_memory")),
        spawn_error=str(observed.get("spawn_error", "")),
        listing=p.listing,
        looped=p.looped,
        collection_errors=p.collection_errors,
        internal_error=p.internal_error,
        interrupted=str(interrupted.get("m") or interrupted.get("kind") or ""),
        stopping=p.stopping,
        expected=p.expected,
        missing=0 if told else missing,
        bad=p.bad + counts.get("subfailed", 0),
        crashed=counts.get("crashed", 0),
        in_flight=len(p.in_flight),
        dropped=p.dropped,
        supervised=not observed.get("adopted"),
        lost_lines=told,
    )


def _ended_by(observed: Mapping[str, Any]) -> str:
    """Return why the run was ended on purpose; nothing when pytest had ended well before that."""
    return str(observed.get("ended_by", ""))


def _worst(observed: Mapping[str, Any], book: Ledger) -> int | None:
    """After a second pass: a crashed test failed the first one, whatever the second says."""
    code = observed.get("exit_code")
    if code is None:
        return None
    return 1 if code in {0, 5} and book.progress.counts.get("crashed") else int(code)


def _outcome(  # noqa: PLR0913, PLR0917 - one record's parts
    run: Run,
    book: Ledger,
    names: list[str],
    facts: Facts,
    verdict: Verdict,
    observed: Mapping[str, Any],
) -> dict[str, Any]:
    p = book.progress
    purpose = bool(facts.ended_by or facts.stopping or facts.interrupted or facts.collection_errors)
    missing = [] if facts.lost_lines else book.missing
    crashed = [i for i, row in enumerate(book.rows) if Result.CRASHED in row.results]
    if verdict.outcome in {Outcome.CRASHED, Outcome.KILLED, Outcome.OUT_OF_MEMORY}:
        crashed += [row.index for row in p.running if 0 <= row.index < len(names)]
    lost = [] if purpose else [i for i in missing if i not in set(crashed)]
    notes = list(verdict.notes)
    if observed.get("adopted"):
        notes.append("its supervisor died; another one took the run over")
    if observed.get("restored"):
        notes.append("the record was deleted while the run lived, and restored")
    if p.dropped:
        notes.append(f"{p.dropped:,} events could not be stored (disk full)")
    if p.passes > 1:
        notes.append(f"{p.passes} passes: tests lost with a crashed worker were run again")
    return {
        "schema": 1,
        "id": run.id,
        "outcome": verdict.outcome.value,
        "code": verdict.code,
        "pytest_exit": facts.status,
        "signal": facts.signal,
        "supervised": facts.supervised,
        "ended_at": observed.get("ended_at"),
        "duration_s": round(float(observed.get("now", p.last_t)), 3),
        "preparing_s": round(p.first_start or 0.0, 3),
        "expected": p.expected,
        "reported": p.done,
        "counts": p.counts,
        "lost": {"n": len(lost), "ids": [names[i] for i in lost[:_NAMED] if i < len(names)]},
        "not_run": {"n": len(missing) if purpose else 0},
        "crashed": [names[i] for i in crashed[:_NAMED] if i < len(names)],
        "stopping": p.stopping,
        "notes": notes,
        "rests_on": verdict.rests_on,
        "workers": len(p.workers),
        "passes": p.passes,
        "curve": book.curve,
        "dropped": p.dropped,
        "warnings": p.warnings,
        "failures": p.failures,
        "collection_errors": p.collection_errors,
    }


def _write_reports(
    folder: Path, run: Run, book: Ledger, names: list[str], facts: Facts
) -> list[str]:
    notes = []
    try:
        times = [
            (nodeid, row.total_s)
            for nodeid, row in zip(names, book.rows, strict=False)
            if row.results
        ]
        if times:
            usual.write(folder / "durations.bin", times)
    except OSError as error:
        notes.append(f"durations.bin was not written: {error.strerror}")
    try:
        if names or facts.collection_errors:
            texts = reader.all_events(folder / "failures.jsonl")
            (folder / "junit.xml").write_bytes(junit.render(run, names, book, list(texts)))
    except OSError as error:
        notes.append(f"junit.xml was not written: {error.strerror}")
    return notes
