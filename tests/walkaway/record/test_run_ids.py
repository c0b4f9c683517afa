"""Run ids sort in the order they were made, whatever the clock does."""

from __future__ import annotations

import pytest

from walkaway.errors import WalkawayError
from walkaway.record import run_ids

NOON = 1795348800.0  # 2026-11-22 12:00:00 UTC


@pytest.mark.parametrize(
    ("now_s", "newest", "expected"),
    [
        (NOON, None, "20261122-120000-0000"),
        (NOON + 0.5, None, "20261122-120000-8000"),
        (NOON + 0.99999, None, "20261122-120000-ffff"),
        (NOON + 1, "20261122-120000-ffff", "20261122-120001-0000"),
        (NOON, "20261122-120000-0000", "20261122-120000-0001"),
        (NOON, "20261122-120000-ffff", "20261122-120001-0000"),
        (NOON, "20261122-120059-ffff", "20261122-120100-0000"),
        (NOON, "20261122-235959-ffff", "20261123-000000-0000"),
        (NOON, "20261231-235959-ffff", "20270101-000000-0000"),
        (NOON - 86400 * 400, "20261122-120000-00ff", "20261122-120000-0100"),
    ],
)
def test_a_new_id_is_the_clock_s_but_never_below_the_newest(
    now_s: float, newest: str | None, expected: str
) -> None:
    assert run_ids.new_id(now_s, newest) == expected


@pytest.mark.parametrize("step_s", [0.0, 0.00001, -0.5, 0.25])
def test_a_thousand_ids_are_distinct_and_sorted(step_s: float) -> None:
    made: list[str] = []
    for n in range(1000):
        made.append(run_ids.new_id(NOON + n * step_s, made[-1] if made else None))
    assert made == sorted(set(made))
    assert all(map(run_ids.is_id, made))


@pytest.mark.parametrize(
    "name",
    ["", "latest", "20261122-120000", "20261122-120000-00000", "20261122-120000-00FF", "x.log"],
)
def test_other_names_are_no_ids(name: str) -> None:
    assert not run_ids.is_id(name)


ALL = ["20261122-101530-7f3a", "20261122-101531-0a7f", "20261123-101530-7f3b"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("7f3a", ALL[0]),
        (" 7F3A ", ALL[0]),
        ("7f3b", ALL[2]),
        ("1123", ALL[2]),
        ("101531", ALL[1]),
        (ALL[1], ALL[1]),
        (f"test-run-{ALL[1]}", ALL[1]),
        (f"test-run-{ALL[1]}.log", ALL[1]),
    ],
)
def test_a_selector_is_any_unique_part(selector: str, expected: str) -> None:
    assert run_ids.select(selector, ALL) == expected


def test_the_four_digits_go_before_a_part_of_another_id() -> None:
    assert run_ids.select("1122", [*ALL, "20261201-000000-1122"]) == "20261201-000000-1122"


@pytest.mark.parametrize(
    ("selector", "code", "told"),
    [
        ("", 64, "--run is empty"),
        ("  ", 64, "--run is empty"),
        ("ffff", 66, "No run 'ffff' here."),
        ("7f", 64, "'7f' matches 3 runs: 20261123-101530-7f3b, 20261122-101531-0a7f, "),
    ],
)
def test_what_fits_none_or_several_is_refused(selector: str, code: int, told: str) -> None:
    with pytest.raises(WalkawayError, match=told) as caught:
        run_ids.select(selector, ALL)
    assert caught.value.code == code


def test_a_long_list_of_candidates_is_cut() -> None:
    many = [f"20261122-101530-{n:04x}" for n in range(100)]
    with pytest.raises(WalkawayError, match=r"matches 100 runs: .* and 92 more\."):
        run_ids.select("2026", many)
