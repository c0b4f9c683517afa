"""Select tests for another pass: those lost with a crashed worker, never the one in flight."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from walkaway.model import exit_codes
from walkaway.model.facts import Facts
from walkaway.model.ledger import Ledger
from walkaway.record import reader

MOST_PASSES = 3
_PYTEST_ENDED = frozenset({exit_codes.PASSED, exit_codes.FAILED, exit_codes.INTERRUPTED})


def lost_with_a_worker(book: Ledger, facts: Facts) -> list[int]:
    """Return the indexes of tests to run in another pass; empty when their loss is explained.

    Never after -x, --maxfail, a stop or a limit, and never a test that was in flight.
    """
    p = book.progress
    explained = facts.ended_by or facts.stopping or facts.collection_errors or facts.internal_error
    if explained or facts.interrupted or not p.worker_crashes:
        return []
    if facts.end is None or facts.status not in _PYTEST_ENDED:
        return []
    return [i for i in book.missing if not book.rows[i].results and i not in p.in_flight_lost]


def write_selection(folder: Path, number: int, nodeids: list[str]) -> None:
    """Write select-N.txt, the node ids for pass ``number``, in the recorder's format."""
    lines = "".join(id_line(nodeid) for nodeid in nodeids)
    (folder / f"select-{number}.txt").write_bytes(lines.encode("utf-8", "surrogateescape"))


def not_there(folder: Path, selection: str, names: Sequence[str]) -> list[str]:
    """Return a note on tests that were selected by node id but not collected, or nothing."""
    try:
        lines = (folder / selection).read_bytes().split(b"\n")[:-1]
    except OSError:
        return []
    chosen = dict.fromkeys(reader.decode_id(line) for line in lines)
    gone = list(chosen.keys() - set(names))
    if not gone:
        return []
    which = next(nodeid for nodeid in chosen if nodeid in gone)
    more = f" and {len(gone) - 1:,} more" if len(gone) > 1 else ""
    return [
        f"{len(gone):,} of the {len(chosen):,} tests to run again were not collected: {which}{more}"
    ]


def id_line(nodeid: str) -> str:
    """Return a line for an id file: the plain node id, or JSON.

    JSON when it contains a control character or starts with a quotation mark.
    """
    plain = not nodeid.startswith('"') and not any(ord(c) < 0x20 for c in nodeid)  # noqa: PLR2004
    return (nodeid if plain else json.dumps(nodeid)) + "\n"
