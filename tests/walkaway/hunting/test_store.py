"""A hunt's files, also after a driver that was killed while it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from walkaway.hunting.store import HuntRecord


@pytest.mark.parametrize("torn", ["", "tests/a.py::test_", "tests/ü.py::test_ü"[:-3]])
def test_a_torn_line_costs_that_line_only(tmp_path: Path, torn: str) -> None:
    record = HuntRecord(tmp_path)
    whole = ["tests/a.py::test_one", "tests/a.py::test_two[\n]"]
    record.add_tests(whole)
    with record.path("tests.txt").open("a", encoding="utf-8") as file:
        file.write(torn)
    record.repair()
    record.add_tests(["tests/b.py::test_three"])
    assert record.tests() == [*whole, "tests/b.py::test_three"]


def test_a_file_of_nothing_but_a_torn_line_is_emptied(tmp_path: Path) -> None:
    record = HuntRecord(tmp_path)
    record.path("tests.txt").write_bytes(b"tests/a.py::te")
    record.repair()
    assert record.path("tests.txt").read_bytes() == b""
