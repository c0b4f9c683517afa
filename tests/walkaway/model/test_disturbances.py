"""Whatever disturbed the recording of a run is noted in its verdict."""

from __future__ import annotations

from walkaway.model import disturbances
from walkaway.model.progress import Progress

NAMES = ["t.py::test_a", "t.py::test_b"]


def test_a_run_without_disturbance_has_no_note() -> None:
    assert disturbances.notes(Progress(), NAMES) == []


def test_each_disturbance_is_a_note() -> None:
    p = Progress(recorder_errors=1, recorder_error="KeyError: 'x'", closed_by=[1, 1, -1], dropped=2)
    assert disturbances.notes(p, NAMES) == [
        "the recorder had 1 error of its own: KeyError: 'x'",
        "t.py::test_b closed files of pytest and of the recorder",
        "a test closed files of pytest and of the recorder",
        "2 events could not be stored (disk full)",
    ]


def test_a_limit_of_files_is_told_with_the_test_that_set_it() -> None:
    p = Progress(limited_by=(0, 1024), dropped=1)
    limited = "t.py::test_a limited files to 1,024 bytes (RLIMIT_FSIZE)"
    assert disturbances.notes(p, NAMES) == [
        f"{limited}: pytest could not write its log from then on",
        "1 event could not be stored (that limit)",
    ]


def test_many_errors_are_counted_and_the_first_is_told() -> None:
    [note] = disturbances.notes(Progress(recorder_errors=1234, recorder_error="e" * 999), NAMES)
    assert note.startswith("the recorder had 1,234 errors of its own: eee")
    assert len(note) < 300
