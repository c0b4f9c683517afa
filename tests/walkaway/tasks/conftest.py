"""Fixtures of the tasks' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import Project, made, tidied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.walkaway.support.scratch import Live


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with one quick test."""
    with tidied(made(tmp_path / "a project")) as project:
        yield project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A finished run of one quick test: to be looked at, and copied."""
    with tidied(made(tmp_path_factory.mktemp("finished") / "a project")) as project:
        yield project.ended()


@pytest.fixture
def past(project: Project, finished: Live) -> Live:
    """A finished run in the project, for who does not mind where it ran."""
    return project.inherit(finished)
