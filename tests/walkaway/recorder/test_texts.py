"""How a failure's text is shortened."""

from __future__ import annotations

import pytest
from walkaway_recorder import failure_text


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
    assert failure_text.mask(said) == masked


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
    assert failure_text.split_type(said) == split


def test_a_short_text_is_whole_and_a_long_one_keeps_both_ends() -> None:
    assert failure_text.shorten("abc", 3) == "abc"
    cut = failure_text.shorten("a" * 100 + "z" * 100, 30)
    assert cut.startswith("a" * 10 + "\n")
    assert cut.endswith("\n" + "z" * 20)


def test_frames_of_installed_packages_are_not_the_place() -> None:
    text = (
        'File "/p/tests/test_a.py", line 3, in test_a\n'
        'File "/p/.venv/lib/python3.11/site-packages/lib.py", line 9, in load\n'
        "E   ValueError: no"
    )
    assert failure_text.read(text, "/p", "/p").at == "tests/test_a.py:3 in test_a"
    assert failure_text.read(text, "/other", "/").at.endswith("site-packages/lib.py:9 in load")


FOREIGN = (
    "~~~~~ Stack of Thread-1 (serve) (140398206908096) ~~~~~\n"
    '  File "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap\n'
    "    self._bootstrap_inner()\n"
    '  File "/p/.venv/lib/python3.11/site-packages/pytest_rerunfailures.py", line 9, in serve\n'
    "    conn = self.sock.accept()\n"
)
OWN = (
    "~~~~~ Stack of Thread-2 (pump) (140398206908097) ~~~~~\n"
    '  File "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap\n'
    '  File "/p/app/pump.py", line 3, in pump\n'
    "    lock.acquire()\n"
)
LINE = "+++++ Timeout +++++\n"


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        (f"{LINE}{FOREIGN}{LINE}", ""),
        (f"hello\n{LINE}{FOREIGN}{LINE}bye\n", "hello\nbye\n"),
        (f"{LINE}{FOREIGN}{OWN}{FOREIGN}{LINE}", f"{LINE}{OWN}{LINE}"),
        (f"{FOREIGN}after", "after"),
        ("+++++ Timeout +++++\nsaid by a test\n", "+++++ Timeout +++++\nsaid by a test\n"),
        ("a line about a ~ Stack of plates", "a line about a ~ Stack of plates"),
    ],
)
def test_stacks_of_foreign_threads_are_no_output_of_the_test(printed: str, kept: str) -> None:
    assert failure_text.without_foreign_stacks(printed, "/p") == kept
    told = failure_text.outputs([("Captured stderr call", printed)], "/p")
    assert told == ([["Captured stderr call", kept]] if kept else [])
