"""The tests that were in flight when a limit was reached, with their processes' stacks."""

from __future__ import annotations

from pathlib import Path

from walkaway.model import journal_kinds
from walkaway.model.events import number
from walkaway.model.ledger import Ledger
from walkaway.model.progress import InFlight, Progress
from walkaway.model.run_view import Stuck
from walkaway.record import durations, reader
from walkaway.record.store import Records

_STACK_LINES = 12
_STACK_BYTES = 64 * 1024


def find(folder: Path, book: Ledger, names: list[str]) -> list[Stuck]:
    """Return the tests in flight when the limit was reached, from the events up to then."""
    limit = None
    for event in reader.all_events(folder / "supervisor.jsonl"):
        if event["e"] == journal_kinds.LIMIT_REACHED and limit is None:
            limit = number(event, "t")
    if limit is None:
        return []
    at = Progress()
    for event in reader.all_events(folder / "events.jsonl"):
        if number(event, "t") <= limit:
            at.add(event)
    stacks = _stacks(folder)
    past = durations.newest(Records(folder.parents[3]), folder.name.removeprefix("test-run-"))
    return [_stuck(row, names, limit, stacks, past) for row in at.running if book.rows]


def _stuck(
    row: InFlight,
    names: list[str],
    limit: float,
    stacks: dict[str, tuple[str, ...]],
    past: list[Path],
) -> Stuck:
    nodeid = names[row.index] if 0 <= row.index < len(names) else f"test #{row.index}"
    return Stuck(
        id=nodeid,
        worker=row.worker,
        for_s=round(limit - row.since, 1),
        usual_s=durations.usual_s(past, nodeid),
        stack=stacks.get(row.worker, ()),
    )


def _stacks(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the main thread's newest stack for each worker (`""` for a serial run)."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((folder / "stacks").glob("*.txt")):
        lines = reader.head(path, _STACK_BYTES).decode("utf-8", "replace").splitlines()
        words = lines[0].split() if lines else []
        if len(words) < 3 or len(lines) < 2:  # noqa: PLR2004 - pid, start, worker; then stacks
            continue
        worker = "" if words[2] == "-" else words[2]
        found[worker] = _main_thread(lines[1:])
    return found


def _main_thread(lines: list[str]) -> tuple[str, ...]:
    """Return the frames of the newest dump's last thread: faulthandler dumps the main one last."""
    starts = [i for i, line in enumerate(lines) if "most recent call first" in line]
    block = lines[starts[-1] + 1 :] if starts else lines
    return tuple(line.strip() for line in block[:_STACK_LINES] if line.strip())
