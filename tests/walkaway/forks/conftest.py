"""The suite of a test, in its own folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walkaway.forks.suite import Suite


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Return an empty project."""
    return Suite(tmp_path)
