"""Fixtures for the recorder's tests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.recorded import RECORDER, Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# For the tests of pure parts; inert here, for nobody asks it for a record.
sys.path.append(str(RECORDER))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project; what it started is ended with the test."""
    project = Project(tmp_path)
    yield project
    project.close()
