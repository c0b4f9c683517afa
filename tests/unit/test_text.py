"""Slugs and excerpts."""

import pytest

from app.text import excerpt, slug


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Hello, World!", "hello-world"),
        ("  spaces   and\ttabs\n", "spaces-and-tabs"),
        ("Crème brûlée", "creme-brulee"),
        ("Don't stop", "dont-stop"),
        ("a/b?c=d#e", "a-b-c-d-e"),
        ("---", ""),
        ("日本語", ""),
        ("Ⅻ ½ ﬁ", "xii-12-fi"),
    ],
)
def test_a_slug_keeps_letters_and_digits(title: str, expected: str) -> None:
    assert slug(title) == expected


@pytest.mark.parametrize("max_length", [1, 5, 11, 12, 60])
def test_a_slug_is_never_longer_than_asked(max_length: int) -> None:
    assert 0 < len(slug("one two three four", max_length)) <= max_length


def test_a_slug_is_cut_between_words() -> None:
    assert slug("one two three", 9) == "one-two"


def test_a_slug_ending_on_a_word_keeps_it() -> None:
    assert slug("one two three", 7) == "one-two"


def test_a_long_first_word_is_cut_inside() -> None:
    assert slug("incomprehensibilities", 5) == "incom"


def test_a_slug_of_a_slug_is_itself() -> None:
    once = slug("What's new in 3.11?")
    assert slug(once) == once


@pytest.mark.parametrize("max_length", [0, -1])
def test_a_slug_needs_room(max_length: int) -> None:
    with pytest.raises(ValueError, match="not positive"):
        slug("x", max_length)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 10, "short"),
        ("two\n\n  lines", 20, "two lines"),
        ("one two three", 9, "one two…"),
        ("incomprehensibilities", 5, "inco…"),
        ("x" * 5, 5, "xxxxx"),
        ("", 1, ""),
    ],
)
def test_an_excerpt_is_one_line_cut_between_words(text: str, limit: int, expected: str) -> None:
    assert excerpt(text, limit) == expected
    assert len(expected) <= limit


def test_an_excerpt_needs_room() -> None:
    with pytest.raises(ValueError, match="not positive"):
        excerpt("x", 0)
