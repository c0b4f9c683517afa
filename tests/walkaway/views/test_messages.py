"""A failure's message below its first line."""

from __future__ import annotations

from walkaway.views import messages


def test_a_message_of_one_line_has_no_rest() -> None:
    assert messages.rest("only", 12, 80) == ([], 0)
    assert messages.rest("", 12, 80) == ([], 0)


def test_an_indent_that_all_lines_have_is_left_out_with_blank_lines() -> None:
    assert messages.rest("first\n\n    a\n      b\n", 12, 80) == (["a", "  b"], 0)


def test_it_ends_after_so_many_lines_or_a_thousand_characters() -> None:
    assert messages.rest("first" + "\nx" * 20, 12, 80) == (["x"] * 12, 8)
    rows, left = messages.rest("first" + f"\n{'y' * 400}" * 5, 12, 500)
    assert (len(rows), left) == (2, 3)


def test_a_long_line_is_wrapped_below_its_own_indent() -> None:
    rows, left = messages.rest("first\na\n  bb cc dd", 12, 8)
    assert (rows, left) == (["a", "  bb cc", "  dd"], 0)


def test_of_one_very_long_line_the_beginning_is_shown() -> None:
    rows, left = messages.rest("first\n" + "z" * 5000, 3, 80)
    assert (rows, left) == (["z" * 80] * 3, 1)
