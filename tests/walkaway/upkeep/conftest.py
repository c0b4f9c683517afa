"""A records folder of its own for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkaway.upkeep.records import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "tasks.py").write_text("from walkaway import ns\n", encoding="utf-8")
    made = Folder(tmp_path)
    yield made
    made.close()
