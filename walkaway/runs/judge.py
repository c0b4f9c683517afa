"""Judge an ended run: build the ledger, then ask for another pass or return the outcome.

Also writes the tests' times and JUnit XML. Runs in a child of the supervisor, because it reads the
whole record, and in readers when both supervisor and pytest are gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from walkaway.backends import stack_dumps
from walkaway.model import endings, excerpt, exit_codes, journal_kinds, ledger
from walkaway.model.events import Event, last, text
from walkaway.model.facts import Facts
from walkaway.model.ledger import Ledger
from walkaway.model.observed import Observed
from walkaway.model.outcome_file import OutcomeFile
from walkaway.model.run import Run
from walkaway.model.vocabulary import Outcome, Result
from walkaway.record import durations, evidence, junit, reader
from walkaway.record.store import Record
from walkaway.runs import lingering_threads, second_pass
from walkaway.runs import outcome as outcomes
from walkaway.runs import stuck_tests as stuck

_Number = TypeVar("_Number", int, float)


def judge(record: str, observed: Observed) -> OutcomeFile | int:
    """Return the outcome, or how many tests another pass must run first.

    Writes select-N.txt, durations.bin and junit.xml. If one of the last two cannot be written, a
    note says so.
    """
    folder = Path(record)
    run = Record(folder).run()
    names = reader.ids(folder)
    book = ledger.build(names, reader.all_events(folder / "events.jsonl"))
    facts = gather(book, observed, run.args, names)
    if observed.number < second_pass.MOST_PASSES:
        more = second_pass.lost_with_a_worker(book, facts)
        if more:
            second_pass.write_selection(folder, observed.number + 1, [names[i] for i in more])
            return len(more)
    verdict = endings.decide(facts)
    outcome = outcomes.build(run, book, names, facts, verdict, observed)
    notes = list(outcome.notes)
    if lingered(observed) and book.progress.ended:
        notes.append(_stayed(folder, run, book.progress.ended))
    stuck_tests = stuck.find(folder, book, names) if observed.ended_by else []
    leftovers, tree = outcomes.leftovers_and_tree(folder)
    if verdict.outcome is Outcome.NO_TESTS:
        notes += outcomes.missing_paths(run)
    output = observed.backend.spawn_output
    printed = output[: excerpt.MOST] or reader.log_lines(Record(folder).log, excerpt.LINES_READ)
    said = excerpt.of(verdict.outcome, printed, explained=verdict.explained)
    if facts.too_many_warnings and verdict.code == exit_codes.TOO_MANY_WARNINGS:
        said = book.warned
    if run.select and facts.collected:
        notes += second_pass.not_there(folder, run.select, names)
    notes += _write_reports(folder, run, book, names, verdict.outcome)
    return outcome._replace(
        notes=tuple(notes),
        because=outcome.because + ("" if verdict.explained else excerpt.quoted(said)),
        stuck=[asdict(test) for test in stuck_tests],
        leftovers=leftovers,
        tree=tree,
        said=said or None,
    )


def _stayed(folder: Path, run: Run, ended: Event) -> str:
    found = list(reader.all_events(folder / "supervisor.jsonl"))
    holders = lingering_threads.holders(
        folder, run.root, ended, last(found, journal_kinds.LINGERING) or {}
    )
    return lingering_threads.note(holders, run.limits.linger_s)


def judge_for_reader(record: str, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Judge a run whose supervisor and pytest are gone. Writes nothing.

    ``known``: how its container ended, in the form of evidence.json; None: read that file.
    """
    folder = Path(record)
    run = Record(folder).run()
    names = reader.ids(folder)
    book = ledger.build(names, reader.all_events(folder / "events.jsonl"))
    known = evidence.of_last_pass(record) if known is None else known
    observed = _seen(known)
    facts = gather(book, observed, run.args, names)
    outcome = outcomes.build(run, book, names, facts, endings.decide(facts), observed)
    source = "its container's state in the Docker engine" if known else "the recorder's last event"
    note = f"its supervisor died; pytest's end comes from {source}"
    return outcome._replace(notes=(*outcome.notes, note), stuck=[], derived=True).to_json()


def _seen(known: Mapping[str, Any]) -> Observed:
    """Return what a supervisor would have observed of a container with this evidence."""
    nothing = Observed(adopted=True, derived=True)
    if not known:
        return nothing
    from walkaway.environment import container

    state = container.State(**{key: known[key] for key in container.State._fields if key in known})
    code, number = container.exit_of(state, away=True)
    return nothing._replace(
        exit_code=code,
        signal=number,
        out_of_memory=state.oom_killed,
        ended_at=state.finished_at or None,
    )


def gather(
    book: Ledger,
    observed: Observed,
    args: Sequence[str] = (),
    names: Sequence[str] = (),
) -> Facts:
    """Return the facts about a run's end, from its events and what was observed."""
    p = book.progress
    ended = p.ended or {}
    counts = p.counts
    crashed = [i for i, row in enumerate(book.rows) if Result.CRASHED in row.results]
    end = ended.get("exit") if isinstance(ended.get("exit"), int) else None
    code, number = observed.exit_code, observed.signal
    stayed = end is not None and lingered(observed)
    if stayed:
        code = number = None  # pytest had recorded its end; we caused the process's end
    if number and end == exit_codes.SIGNAL_BASE + number:
        # pytest ended with 128+n by itself; an engine reports death by signal n the same way.
        code, number = end, None
    # `--version` alone is answered before any plugin is loaded.
    listing = p.listing or (not p.loaded and not {"--version", "-V"}.isdisjoint(args))
    return Facts(
        loaded=p.loaded,
        exit_code=code,
        signal=number,
        end=end,
        ended_by="" if stayed else observed.ended_by,
        why=observed.why,
        out_of_memory=observed.out_of_memory or (observed.oom_on_machine and p.worker_crashes > 0),
        spawn_error=observed.backend.spawn_error,
        listing=listing,
        built=observed.backend.built,
        collected=p.collected,
        looped=p.looped,
        collection_errors=p.collection_errors,
        internal_error=p.internal_error,
        interrupted=_interrupted(p.interrupted),
        stopping=p.stopping,
        expected=p.expected,
        skipped_whole=p.skipped_whole,
        reported=p.done,
        # A test whose id could not be recorded has no row, but its result is still owed.
        missing=0
        if p.lost_lines
        else max(sum(row.missing for row in book.rows), p.expected - p.done),
        bad=p.bad or counts.get("subfailed", 0),
        crashed=counts.get("crashed", 0),
        crashed_ids=tuple(outcomes.named(crashed, names)),
        in_flight=len(p.in_flight),
        worker_crashes=p.worker_crashes,
        ended_early=p.ended_early,
        crashes_made_good=sum(row.crashes for row in book.rows),
        passes=p.passes,
        before=tuple(book.exits.get(number) for number in range(1, p.passes)),
        too_many_warnings=_pair(p.missed.get("warnings"), int),
        too_little_coverage=_pair(p.missed.get("coverage"), float),
        too_flaky=len(book.flaky) if p.missed.get("flaky") else 0,
        dropped=p.dropped,
        supervised=not observed.adopted,
        lost_lines=p.lost_lines,
        recorder_errors=p.recorder_errors,
    )


def lingered(observed: Observed) -> bool:
    """Return whether we ended a process for staying after pytest's end.

    That includes a death by the signal that asks for stacks: it kills an interpreter that has
    already dropped its handler.
    """
    asked = observed.lingering and observed.signal == stack_dumps.SIGNAL
    return asked or observed.ended_by == "linger"


def _pair(found: object, kind: Callable[[Any], _Number]) -> tuple[_Number, _Number] | None:
    match found:
        case [int() | float() as measured, int() | float() as required]:
            return kind(measured), kind(required)
    return None


def _interrupted(event: Event | None) -> str:
    """Return what interrupted pytest; empty when it stopped by itself (-x, collection errors)."""
    kind = text(event, "kind")
    return "" if kind == "Interrupted" else text(event, "m") or kind


def _write_reports(
    folder: Path, run: Run, book: Ledger, names: list[str], ended: Outcome
) -> list[str]:
    notes = []
    try:
        times = [
            (nodeid, row.total_s)
            for nodeid, row in zip(names, book.rows, strict=False)
            if row.results
        ]
        if times:
            durations.write(folder / "durations.bin", times)
    except OSError as error:
        notes.append(_not_written(folder / "durations.bin", error))
    try:
        if names or book.progress.collection_errors:
            texts = reader.all_events(folder / "failures.jsonl")
            report = junit.render(run, names, book, list(texts), ended)
            (folder / "junit.xml").write_bytes(report)
    except OSError as error:
        notes.append(_not_written(folder / "junit.xml", error))
    return notes


def _not_written(path: Path, error: OSError) -> str:
    """Remove a partly written report; return the note about it."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    return f"{path.name} was not written: {error.strerror}"
