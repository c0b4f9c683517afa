"""What earlier passes left: the counters so far, and the user's report files.

Knows the events that carry counts; must not know who writes them.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from walkaway_recorder import event_kinds
from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    import pytest

keep_builtins(globals())

#: More than the distance between two checkpoints, see events.CHECKPOINT_BYTES.
_WINDOW_BYTES = 192 * 1024


def totals(fd: int) -> dict[str, Any]:
    """Return the last checkpoint or end in an event file, with later results added to its counts.

    Empty when there is none: then nothing was collected.
    """
    start = max(0, os.fstat(fd).st_size - _WINDOW_BYTES)
    found: dict[str, Any] = {}
    for line in os.pread(fd, _WINDOW_BYTES, start).split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        kind = event.get("e") if isinstance(event, dict) else None
        if kind in {event_kinds.CHECKPOINT, event_kinds.END} and isinstance(event.get("c"), dict):
            found = event
        elif kind in {event_kinds.TEST_FINISHED, event_kinds.SUBTEST_FAILED} and found:
            result = event.get("r", "") if kind == event_kinds.TEST_FINISHED else "subfailed"
            found["c"][result] = found["c"].get(result, 0) + 1
        elif kind == event_kinds.ATTEMPT_RERUN and found and event.get("sub"):
            found["c"]["subfailed"] = found["c"].get("subfailed", 0) - event["sub"]
    return found


def keep_reports(config: pytest.Config, folder: str, pass_no: int) -> None:
    """Redirect a later pass's report files into the record: the user keeps the first pass's."""
    for option, name in (("xmlpath", "junit.xml"), ("htmlpath", "report.html")):
        if getattr(config.option, option, None):
            setattr(config.option, option, os.path.join(folder, f"pass-{pass_no}-{name}"))
