"""Which settings are allowed under `walkaway`, and how they are read."""

from __future__ import annotations

import pytest

from walkaway import settings
from walkaway.errors import WalkawayError
from walkaway.settings import gather, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("90s", 90), ("1.5h", 5400), (" 15 m ", 900), ("0.5", 0.5), ("15M", 900)],
)
def test_seconds_take_a_unit(text: str, expected: float) -> None:
    assert settings.seconds(text, "--timeout") == expected


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "0", "1e3", "1,5", "5d", "nan", "inf", "٣", "9" * 400, "1 000", "."]
)
def test_other_texts_are_no_seconds(text: str) -> None:
    with pytest.raises(WalkawayError, match="--timeout is ") as caught:
        settings.seconds(text, "--timeout")
    assert caught.value.code == 64
    assert len(caught.value.message) < 200


def test_the_deadline_is_half_an_hour_in_ci_and_four_hours_elsewhere() -> None:
    assert read({}, {}, ci=True).limits.deadline_s == 1800
    assert read({}, {}, ci=False).limits.deadline_s == 4 * 3600
    assert read({}, {}, ci=False).limits.stall_s == 600


def test_the_variable_goes_before_the_file_and_the_limit_before_both() -> None:
    configured = gather({"deadline_s": 100}, {"INVOKE_WALKAWAY_DEADLINE_S": "3m"})
    assert read(configured, {}, ci=False).limits.deadline_s == 180
    assert read(configured, {"PYTEST_TIMEOUT": "7"}, ci=True).limits.deadline_s == 7
    assert read(gather({"stall_s": 0}, {}), {}, ci=False).limits.stall_s == 0
    assert read({}, {}, ci=False).limits.linger_s == 30
    assert read(gather({"linger_s": 0}, {}), {}, ci=False).limits.linger_s == 0
    assert read(configured, {"PYTEST_TIMEOUT": ""}, ci=False).limits.deadline_s == 180


def test_an_empty_variable_is_none() -> None:
    assert gather({"workers": 2}, {"INVOKE_WALKAWAY_WORKERS": ""}) == {"workers": 2}
    assert gather(None, {}) == {}


def test_commands_are_words_or_one_line() -> None:
    as_line = read({"pytest": "uv run 'my pytest'"}, {}, ci=False)
    as_words = read({"pytest": ["uv", "run", "my pytest"]}, {}, ci=False)
    assert as_line.pytest == as_words.pytest == ("uv", "run", "my pytest")
    assert read({"workers": 0}, {}, ci=False).workers == "0"
    assert read({"workers": "auto"}, {}, ci=False).workers == "auto"
