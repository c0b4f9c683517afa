"""What a failure's text is reduced to."""

from __future__ import annotations

import pytest
from walkaway_recorder import texts


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("no row 17 in 3.5 s", "no row N in N s"),
        ("<Thing at 0x7fc2d2662190>", "<Thing at 0x…>"),
        ("cannot open /tmp/pytest-of-me/x-1/a.txt: gone", "cannot open PATH: gone"),
        ("id 3f2b8c1e-1111-4222-8333-444455556666", "id HEX"),
        ("commit 0a1b2c3d4e", "commit HEX"),
        ("KeyError: 'a long name that stays'", "KeyError: 'a long name that stays'"),
        ("https://example.com/a/b is down", "https://example.com/a/b is down"),
        ("user_17", "user_N"),
    ],
)
def test_what_differs_within_a_cause_is_masked(said: str, masked: str) -> None:
    assert texts.mask(said) == masked


@pytest.mark.parametrize(
    ("said", "split"),
    [
        ("assert 1 == 2", ("AssertionError", "assert 1 == 2")),
        ("ValueError: no", ("ValueError", "no")),
        ("a.b.Gone: x\ny", ("a.b.Gone", "x\ny")),
        ("KeyboardInterrupt", ("KeyboardInterrupt", "")),
        ("contains 1 failed subtest", ("", "contains 1 failed subtest")),
        ("[XPASS(strict)] fixed?", ("XPASS(strict)", "fixed?")),
        ("fixture 'x' not found", ("FixtureLookupError", "fixture 'x' not found")),
        ("word", ("", "word")),
        ("", ("", "")),
    ],
)
def test_type_and_message_are_told_apart(said: str, split: tuple[str, str]) -> None:
    assert texts.split_type(said) == split


def test_a_short_text_is_whole_and_a_long_one_keeps_both_ends() -> None:
    assert texts.shorten("abc", 3) == "abc"
    cut = texts.shorten("a" * 100 + "z" * 100, 30)
    assert cut.startswith("a" * 10 + "\n")
    assert cut.endswith("\n" + "z" * 20)


def test_frames_of_installed_packages_are_not_the_place() -> None:
    text = (
        'File "/p/tests/test_a.py", line 3, in test_a\n'
        'File "/p/.venv/lib/python3.11/site-packages/lib.py", line 9, in load\n'
        "E   ValueError: no"
    )
    assert texts.read(text, "/p", "/p").at == "tests/test_a.py:3 in test_a"
    assert texts.read(text, "/other", "/").at.endswith("site-packages/lib.py:9 in load")
