"""Notes for the verdict on what disturbed the recording of a run."""

from __future__ import annotations

from collections.abc import Sequence

from walkaway.model.progress import Progress

_ERROR_CHARS = 200


def notes(p: Progress, names: Sequence[str]) -> list[str]:
    """Return a sentence for each disturbance. ``names``: all node ids, by index."""
    found = []
    if p.recorder_errors:
        times = "1 error" if p.recorder_errors == 1 else f"{p.recorder_errors:,} errors"
        found.append(f"the recorder had {times} of its own: {p.recorder_error[:_ERROR_CHARS]}")
    found += [
        f"{_test(index, names)} closed files of pytest and of the recorder"
        for index in dict.fromkeys(p.closed_by)
    ]
    if p.limited_by is not None:
        index, size = p.limited_by
        limit = f"limited files to {size:,} bytes (RLIMIT_FSIZE)"
        found.append(f"{_test(index, names)} {limit}: pytest could not write its log from then on")
    if p.dropped:
        why = "disk full" if p.limited_by is None else "that limit"
        events = "1 event" if p.dropped == 1 else f"{p.dropped:,} events"
        found.append(f"{events} could not be stored ({why})")
    return found


def _test(index: int, names: Sequence[str]) -> str:
    return names[index] if 0 <= index < len(names) else "a test"
