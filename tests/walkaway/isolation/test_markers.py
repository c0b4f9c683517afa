"""Markers registered by the library, and given by directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.walkaway.support.spread import Suite
from walkaway.isolation import markers

CONFTEST = 'pytest_plugins = ["walkaway.isolation.markers"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Suite:
    for folder in ("unit", "integration", "integration/deep", "e2e"):
        inside = tmp_path / "tests" / folder
        inside.mkdir(parents=True)
        (inside / f"test_{inside.name}.py").write_text("def test_it(): pass\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return Suite(tmp_path)


def run(project: Suite, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        project.command("--strict-markers", "--strict-config", *args),
        cwd=project.root,
        env=project.environ(),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def chosen(project: Suite, *args: str) -> set[str]:
    """Return the names of the modules of what was chosen."""
    done = run(project, "--collect-only", "-q", *args)
    return {
        line.partition("::")[0].rpartition("/")[2] for line in done.stdout.split() if "::" in line
    }


def test_a_directory_gives_its_marker_in_time_for_m(project: Suite) -> None:
    assert chosen(project, "-m", "integration") == {"test_integration.py", "test_deep.py"}
    assert chosen(project, "-m", "e2e") == {"test_e2e.py"}
    assert chosen(project, "-m", "not integration and not e2e") == {"test_unit.py"}


def test_a_project_changes_the_rules(project: Suite) -> None:
    (project.root / "pytest.ini").write_text(
        "[pytest]\nmarkers_by_directory =\n    tests/unit: security slow\n    tests: soak\n"
    )
    assert chosen(project, "-m", "security and slow and soak") == {"test_unit.py"}
    assert chosen(project, "-m", "integration") == set()
    assert len(chosen(project, "-m", "soak")) == 4


@pytest.mark.parametrize("rule", ["tests/unit", ": slow", "tests/unit:"])
def test_a_rule_that_is_none_is_refused(project: Suite, rule: str) -> None:
    (project.root / "pytest.ini").write_text(f"[pytest]\nmarkers_by_directory =\n    {rule}\n")
    done = run(project)
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"markers_by_directory: {rule!r} is not a rule" in done.stderr


def test_markers_are_registered_and_the_projects_own_words_stand(project: Suite) -> None:
    (project.root / "pytest.ini").write_text("[pytest]\nmarkers =\n    serial: by itself\n")
    text = run(project, "--markers").stdout
    for name in markers.MARKERS:
        assert text.count(f"@pytest.mark.{name}:") == 1
    assert "@pytest.mark.serial: by itself" in text


def test_workers_mark_as_well(project: Suite) -> None:
    done = run(project, "-n2", "-m", "integration")
    assert "2 passed" in done.stdout, done.stdout
