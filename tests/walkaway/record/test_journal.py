"""What the supervisor writes down, also after a supervisor that was killed while it wrote."""

from __future__ import annotations

import os
from pathlib import Path

from walkaway.model import events
from walkaway.record.journal import Journal


def test_the_first_event_after_a_torn_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.jsonl"
    path.write_bytes(b'{"e":"supervisor","t":0.1}\n{"e":"spa')
    fd = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        journal = Journal(fd, 0.0)
        journal.write("supervisor", adopted=True)
        journal.write("exit", code=0)
    finally:
        os.close(fd)
    kinds = [event["e"] for event in events.parse(path.read_bytes())]
    assert kinds == ["supervisor", "supervisor", "exit"]
    assert b"\n\n" not in path.read_bytes()
