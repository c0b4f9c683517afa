"""The plan of chunks: pure."""

from __future__ import annotations

import random
import sys

import pytest

from tests.walkaway.forks.suite import FOLDER

sys.path.insert(0, str(FOLDER))
chunks = pytest.importorskip("walkaway_forks.chunks")
sys.path.remove(str(FOLDER))


def traits(*rows: tuple[str | None, float | None]) -> list[object]:
    return [chunks.Trait(*row) for row in rows]


@pytest.mark.parametrize("seed", range(20))
def test_every_test_is_in_one_chunk_and_no_group_is_cut(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a case, not a secret
    rows: list[tuple[str | None, float | None]] = []
    for module in range(rng.randrange(1, 30)):
        group = rng.choice([None, f"g{module}"])
        size = rng.randrange(1, 60)
        rows += [(group, rng.choice([None, rng.random()])) for _ in range(size)]
    found = chunks.plan(traits(*rows), rng.randrange(1, 9))
    indexes = sorted(index for chunk in found for index in range(chunk.start, chunk.stop))
    assert indexes == list(range(len(rows)))
    for chunk in found:
        for index in (chunk.start, chunk.stop):
            if 0 < index < len(rows) and rows[index][0] is not None:
                assert rows[index][0] != rows[index - 1][0]


def test_chunks_shrink_towards_the_end() -> None:
    found = chunks.plan(traits(*[(None, None)] * 1000), 2)
    sizes = [chunk.stop - chunk.start for chunk in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 50
    assert sizes[-1] == 1


def test_the_longest_goes_first_where_times_are_known() -> None:
    rows = [(None, 0.01)] * 500 + [(None, 30.0)] + [(None, 0.01)] * 500
    found = chunks.plan(traits(*rows), 4)
    assert found[0].start <= 500 < found[0].stop
    assert found[0].stop - found[0].start <= 2
