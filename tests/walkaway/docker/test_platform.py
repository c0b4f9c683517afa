"""The platform's own suite, run by the tasks against its services in Compose: whole and green."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.composed import remove, things
from tests.walkaway.support.engine import engine_environ, scratch_project
from tests.walkaway.support.project import Project, tidied
from walkaway.environment.project import Project as Named

pytestmark = pytest.mark.engine
BOUND_S = 400.0
SUITES = ("tests/unit/", "tests/integration/", "tests/e2e/")


@contextlib.contextmanager
def platform(root: Path) -> Iterator[Project]:
    """A copy of the platform with the tasks; nothing of it stays in the engine."""
    scratch_project(root)
    for name in ("tasks.py", "invoke.yaml"):
        shutil.copy2(REPOSITORY / name, root / name)
    images = {name: value for name, value in engine_environ().items() if name.endswith("_IMAGE")}
    named = Named(root)
    with tidied(Project(root, images)) as project:
        try:
            yield project
        finally:
            project.inv("down")
            remove(named)
            assert not things(named), f"left behind: {things(named)}"


def test_the_whole_suite_is_green_in_compose(tmp_path: Path, built_image: str) -> None:
    assert built_image
    with platform(tmp_path / "platform") as project:
        live = project.start("--backend", "compose", "--", "-n", "2")
        found = live.outcome(BOUND_S)
        assert found["outcome"] == "passed", live.log()[-8000:]
        collected = live.record.path("collected.txt").read_text("utf-8").splitlines()
        # All of it passed: none lost, and none skipped, as would be without a browser.
        assert found["counts"] == {"passed": len(collected)}
        assert found["backend"] == "compose"
        for folder in SUITES:
            assert any(nodeid.startswith(folder) for nodeid in collected), folder
