"""Usual times of tests: found in one file, and merged from several."""

from __future__ import annotations

from pathlib import Path

import pytest

from walkaway.record import durations


def written(path: Path, **seconds: float) -> Path:
    durations.write(path, seconds.items())
    return path


def test_a_test_is_found_by_its_id_and_no_other(tmp_path: Path) -> None:
    path = written(tmp_path / "a", **{f"test_{n}": n / 8 for n in range(50)})
    assert [durations.lookup(path, f"test_{n}") for n in (0, 17, 49)] == [0, 17 / 8, 49 / 8]
    assert durations.lookup(path, "test_50") is None
    assert durations.lookup(tmp_path / "none", "test_0") is None


def test_the_newest_time_of_each_test_is_kept(tmp_path: Path) -> None:
    newest = written(tmp_path / "newest", test_a=2.0)
    older = written(tmp_path / "older", test_a=1.0, test_b=4.0)
    durations.keep_usual([newest, tmp_path / "gone", older], tmp_path / "usual")
    found = [durations.lookup(tmp_path / "usual", name) for name in ("test_a", "test_b")]
    assert found == [2.0, 4.0]


@pytest.mark.parametrize("torn", [0, 1, 11])
def test_a_torn_file_is_read_as_far_as_it_goes(tmp_path: Path, torn: int) -> None:
    path = written(tmp_path / "a", test_a=1.0, test_b=2.0)
    path.write_bytes(path.read_bytes()[: 12 + torn])
    durations.keep_usual([path], tmp_path / "usual")
    found = [durations.lookup(tmp_path / "usual", name) for name in ("test_a", "test_b")]
    assert sorted(seconds is None for seconds in found) == [False, True]


def test_without_a_known_time_nothing_is_written(tmp_path: Path) -> None:
    durations.keep_usual([tmp_path / "gone"], tmp_path / "usual")
    assert not (tmp_path / "usual").exists()
