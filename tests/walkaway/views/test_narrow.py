"""On a terminal no line of `results` and `runs` is wider than it: a terminal breaks words."""

from __future__ import annotations

import re

import pytest

from tests.walkaway.views import samples
from tests.walkaway.views.test_golden import LOOKS, NOW_S, ROWS, WAITING
from walkaway.text import Style, columns, wrapped
from walkaway.views import results, runs

WIDTHS = (60, 72, 80, 100)
LONG = "the bank that gives euros back is not there on Sundays and holidays"


def narrow(lines: list[str], width: int) -> list[str]:
    plain = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in lines]
    assert [line for line in plain if columns(line) > width] == []
    return plain


@pytest.mark.parametrize("width", WIDTHS)
def test_results_keep_within_a_terminal(width: int) -> None:
    style = Style(terminal=True, width=width)
    rows = (*ROWS, ("tests/unit/" + "test_世界" * 30, "skipped", 0.0, LONG))
    shown = narrow(results.lines(samples.look(), rows, style, 1200), width)
    assert " ".join(" ".join(shown).split()).count(LONG) == 1
    assert "--match TEXT" in " ".join(shown)
    narrow(results.lines(samples.look(), WAITING, style, 0), width)
    narrow(results.lines(samples.look(), (), style, 0), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_runs_keep_within_a_terminal(width: int) -> None:
    for looks in (LOOKS, LOOKS[:2]):
        shown = narrow(runs.lines(looks, Style(terminal=True, width=width), 12, NOW_S), width)
        assert "tests/unit -m 'not slow'" in " ".join(" ".join(shown).split())


def test_where_no_terminal_reads_a_test_is_a_line() -> None:
    rows = ((samples.SLOW_TEST, "skipped", 0.0, LONG),)
    assert len(results.lines(samples.ENDINGS["passed"], rows, Style(width=60), 0)) == 1


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a b", ["a b"]),
        ("one two three", ["one two", "  three"]),
        ("one  two three", ["one  two", "  three"]),
        ("a_word_that_is_longer than all", ["a_word_that_is_longer", "  than", "  all"]),
        ("   one two", ["   one", "  two"]),
        ("\x1b[2mnext:\x1b[0m ab", ["\x1b[2mnext:\x1b[0m ab"]),
    ],
)
def test_a_line_is_broken_at_spaces_alone(text: str, lines: list[str]) -> None:
    assert wrapped(text, 8, 2) == lines
