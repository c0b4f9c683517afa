"""Parts of lines that several answers share."""

from __future__ import annotations

import pytest

from walkaway.model.run_view import Counts
from walkaway.views import phrases


@pytest.mark.parametrize(
    ("done", "expected", "text"),
    [
        (0, 120, "0/120 0%"),
        (45, 120, "45/120 37%"),
        (9_999, 10_000, "9,999/10,000 99%"),
        (120, 120, "120/120 100%"),
        (121, 120, "121/120 100%"),
        (3, 0, "3 done"),
    ],
)
def test_a_run_is_100_percent_done_only_with_its_last_test(
    done: int, expected: int, text: str
) -> None:
    assert phrases.done_of(Counts(done, expected, {})) == text
