"""The leak check's error: what and how many, each of them, what to do."""

from __future__ import annotations

from walkaway.isolation.leaks.report import error_text


def test_rows_are_counted_by_table_and_all_else_by_thing() -> None:
    left = {"threads": ["pump"], "rows": ["users: 2 more rows", "notes: 1 more row"]}
    assert error_text("test_it.py::test_a", left).splitlines() == [
        "test_it.py::test_a left 1 thread and 2 changed tables behind",
        "  threads: pump",
        "  rows: users: 2 more rows",
        "  rows: notes: 1 more row",
        (
            "Clean up in the test or in its fixtures' teardown; if it must stay: "
            '@pytest.mark.allow_leaks("threads", "rows", reason="...").'
        ),
    ]


def test_of_many_things_ten_are_named() -> None:
    lines = error_text("t", {"files": [f"f{n}" for n in range(12)]}).splitlines()
    assert lines[0] == "t left 12 files behind"
    assert lines[-2] == "  files: 2 more"
    assert len(lines) == 13
