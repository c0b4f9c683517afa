"""What disturbed the recording of a run, as notes of its verdict."""

from __future__ import annotations

from collections.abc import Sequence

from walkaway.model.progress import Progress

_ERROR_CHARS = 200


def notes(p: Progress, names: Sequence[str]) -> list[str]:
    """Return a sentence for each thing that kept the recorder from its work. ``names``: the ids."""
    found = []
    if p.recorder_errors:
        times = f"{p.recorder_errors:,} errors" if p.recorder_errors > 1 else "1 error"
        found.append(f"the recorder had {times} of its own: {p.recorder_error[:_ERROR_CHARS]}")
    found += [
        f"{_test(index, names)} closed files of pytest and of the recorder"
        for index in dict.fromkeys(p.closed_by)
    ]
    if p.dropped:
        found.append(f"{p.dropped:,} events could not be stored (disk full)")
    return found


def _test(index: int, names: Sequence[str]) -> str:
    return names[index] if 0 <= index < len(names) else "a test"
