"""Durations, ranges, and what is left of a text that may hold anything."""

from __future__ import annotations

import pytest

from walkaway.text import Style, columns, duration, middle, printable, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"),
        (0.0, "0 ms"),
        (0.0034, "3 ms"),
        (0.4, "0.4 s"),
        (4.0, "4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (42.4, "42 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599.9, "1 h"),
        (3900, "1 h 5 min"),
        (4 * 3600, "4 h"),
        (97_200, "1 d 3 h"),
    ],
)
def test_a_duration_is_told_in_at_most_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((20.0, 44.2), "20-45 s"),
        ((44.2, 20.0), "20-45 s"),
        ((130.0, 290.0), "2-5 min"),
        ((0.2, 0.7), "<1 s"),
        ((3.0, 3.0), "3 s"),
        ((30.0, 150.0), "<3 min"),
        ((3000.0, 9000.0), "<3 h"),
        ((0.0, 0.0), "<1 s"),
        ((3600.0, 10_000.0), "1-3 h"),
    ],
)
def test_a_range_has_one_unit_and_is_never_narrower_than_told(
    bounds: tuple[float, float], text: str
) -> None:
    assert span(bounds) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;2;1;2;3mrgb\x1b[K", "rgb"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x1bcreset\x1b(0", "reset"),
        ("a\r\n\tb", "a b"),
        ("nul\x00bell\x07back\bdel\x7f", "nulbellbackdel"),
        ("\u202egnp.exe", "gnp.exe"),
        ("surrogate \udce9", "surrogate \ufffd"),
        ("grüße 世界", "grüße 世界"),
        ("open \x1b", "open "),
        ("open \x1b[31", "open "),
        ("open \x1b]0;never closed", "open "),
    ],
)
def test_only_what_can_be_seen_is_printed(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text", ["abcdefghij" * 3, "世界" * 9, "a" * 10 + "世" * 9, "e\u0301" * 30]
)
@pytest.mark.parametrize("width", [5, 10, 11, 17])
def test_a_shortened_text_keeps_within_its_columns(text: str, width: int) -> None:
    for shown in (printable(text, width), middle(text, width)):
        assert columns(shown) <= width
        assert "…" in shown


@pytest.mark.parametrize("text", ["exactly ten", "世界世界世a"])
def test_a_text_that_fits_stays_whole(text: str) -> None:
    assert printable(text, 11) == text
    assert middle(text, 11) == text


def test_an_id_keeps_both_ends() -> None:
    shown = middle("tests/unit/test_orders.py::TestRefund::test_partial[eur]", 30)
    assert shown.startswith("tests/unit/")
    assert shown.endswith("partial[eur]")


def test_a_line_of_megabytes_is_cut() -> None:
    assert len(printable("x" * 5_000_000)) < 20_000
    assert middle("a" + "\x1b[1m" * 1_000_000 + "z", 40).endswith("z")


def test_colour_is_for_terminals_alone() -> None:
    assert Style(terminal=True).bad("no") == "\x1b[1;31mno\x1b[0m"
    assert Style().bad("no") == "no"
    assert not Style(terminal=True).bad("")


def test_a_command_is_shown_as_it_is_typed() -> None:
    assert Style().command("wait", "--run", "7f3a") == "inv wait --run 7f3a"
    assert Style(program="x").command("results", "--match", "a b") == "x results --match 'a b'"
