"""Fixtures of the tasks' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import Project, made, tidied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with one quick test."""
    with tidied(made(tmp_path / "a project")) as project:
        yield project
