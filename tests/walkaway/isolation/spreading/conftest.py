"""Fixtures of the spreading's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walkaway.support.spread import Suite


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """An empty suite."""
    root = tmp_path / "suite"
    root.mkdir()
    return Suite(root)
