"""A time window of a sorted log is found without reading the rest, however large it is."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from walkaway.model import log_lines
from walkaway.record import time_window
from walkaway.record.time_window import Timed

LINE = 100
GB = 1 << 30
MB = 1 << 20


def number_of(line: bytes) -> float | None:
    """The time of a line of `Endless` is its number; every tenth has none."""
    return float(line[:20]) if line[:1].isdigit() else None


class Endless:
    """A file of lines that are computed when somebody reads them."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, offset: int, size: int) -> bytes:
        first, last = offset // LINE, (min(offset + size, self.size) - 1) // LINE
        whole = b"".join(self.line(n) for n in range(first, last + 1))
        start = offset - first * LINE
        return whole[start : start + min(size, self.size - offset)]

    def line(self, number: int) -> bytes:
        head = f"{number:020d} " if number % 10 else "Traceback "
        return head.encode().ljust(LINE - 1, b"x") + b"\n"


@pytest.mark.parametrize("since", [0, 1, 5_000_001, GB // LINE - 40])
def test_a_gigabyte_is_looked_at_through_a_window(since: int) -> None:
    read = Endless(GB // LINE * LINE)
    file = Timed(read, read.size, number_of)
    found = list(file.window(since, since + 20, 8 * MB))
    numbers = [number for line in found if (number := number_of(line)) is not None]
    assert {n for n in range(since, since + 21) if n % 10} <= set(numbers)
    assert numbers == sorted(numbers)
    assert not file.cut
    assert file.read_bytes < 4 * MB


def test_a_window_that_holds_too_much_is_cut_and_says_so() -> None:
    read = Endless(GB // LINE * LINE)
    file = Timed(read, read.size, number_of)
    found = list(file.window(1000, 10_000_000, 3 * MB))
    assert file.cut
    assert len(found) <= 3 * MB // LINE
    assert file.read_bytes < 6 * MB


def test_times_of_the_wrong_end_find_nothing() -> None:
    read = Endless(GB // LINE * LINE)
    beyond = Timed(read, read.size, number_of)
    assert [
        n for line in beyond.window(1e12, 2e12, MB) if (n := number_of(line) or 0) >= 1e12
    ] == []
    before = Timed(read, read.size, number_of)
    list(before.window(-20, -10, 8 * MB))
    assert before.read_bytes < 4 * MB


def test_lines_without_any_time_are_read_to_the_bound_alone() -> None:
    data = b"no time here\n" * 500_000
    file = Timed(lambda offset, size: data[offset : offset + size], len(data), log_lines.time_of)
    assert len(list(file.window(5, 6, 10 * MB))) == 500_000
    assert file.read_bytes < 20 * MB


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_out_of_order_are_found(tmp_path: Path, seed: int) -> None:
    """Five processes write into one file: a line may come a second after a later one's."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    times = sorted(range(40_000), key=lambda n: n * 0.01 + chance.random())
    path = tmp_path / "services.log"
    with path.open("wb") as file:
        for n in times:
            row = {"time": 1_700_000_000 + n * 0.01, "request_id": f"id-{n % 97}", "n": n}
            file.write(json.dumps(row).encode() + b" " * chance.randrange(200) + b"\n")
    bounds = (1_700_000_000 + 200 - 3, 1_700_000_000 + 201 + 3)
    found, cut = time_window.holding(path, b'"id-7"', log_lines.time_of, bounds, 32 * MB)
    wanted = {n for n in range(20_000, 20_100) if n % 97 == 7}
    assert wanted <= {json.loads(line)["n"] for line in found}
    assert not cut


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert time_window.holding(tmp_path / "x", b"a", log_lines.time_of, (0, 1), MB) == ([], False)
