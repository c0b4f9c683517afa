"""`--rerun RUN` and `RUN:CAUSE` run exactly the tests that failed, whatever they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.walkaway.support.project import Project

if TYPE_CHECKING:
    from tests.walkaway.support.scratch import Live

ODD = [
    "a b",
    "[x]",
    "a]b[",
    "it's",
    'say "hi"',
    "a\nb",
    "a::b",
    "日本",
    "$(x)",
    "-x",
    '"quoted',
    "",
]
INI = (
    "[pytest]\naddopts = -p no:cacheprovider\n"
    "disable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n"
)
SOURCE = f"""\
import pytest

@pytest.mark.parametrize("word", {ODD!r}, ids=lambda word: word)
def test_odd(word):
    raise KeyError(word)

@pytest.mark.parametrize("n", range(3))
def test_other(n):
    assert n == 1

def test_fine():
    pass
"""


def ids_of(project: Project, live: Live) -> list[str]:
    rows = project.json("results", "--run", live.run.id, "--limit", "0")["results"]
    return [row["id"] for row in rows]


def failed_ids(project: Project, live: Live) -> list[str]:
    rows = project.json("results", "--run", live.run.id, "--limit", "0", "--result", "failed")
    return [row["id"] for row in rows["results"]]


def test_odd_ids_are_run_again_exactly(project: Project) -> None:
    project.write("pytest.ini", INI)
    project.write("tests/test_it.py", SOURCE)
    first = project.ended("--", "-v")
    wanted = failed_ids(project, first)
    assert len(wanted) == len(ODD) + 2
    again = project.ended("--rerun", first.run.short)
    assert ids_of(project, again) == wanted
    assert again.run.args == ("-v",)
    assert again.run.label == f"--rerun {first.run.short} -v"
    third = project.ended("--rerun", again.run.short)
    assert ids_of(project, third) == wanted


def test_a_cause_is_run_again_alone_by_the_command_that_is_printed(project: Project) -> None:
    project.write("pytest.ini", INI)
    project.write("tests/test_it.py", SOURCE)
    first = project.ended()
    causes = project.json("failures")["causes"]
    for cause in causes[:3]:
        again = project.ended("--rerun", cause["rerun"])
        assert sorted(ids_of(project, again)) == sorted(cause["ids"])
    assert sum(cause["count"] for cause in causes) == len(failed_ids(project, first))
    assert (
        f"inv test-async --rerun {causes[0]['rerun']}"
        in project.inv("failures", "--run", first.run.id).stdout
    )


def test_new_arguments_take_the_place_of_the_old(project: Project) -> None:
    project.write("tests/test_it.py", SOURCE)
    first = project.ended("--", "-k", "other")
    again = project.ended("--rerun", first.run.short, "--", "-x")
    assert again.run.args == ("-x",)
    assert ids_of(project, again)[0] == failed_ids(project, first)[0]


def test_the_runs_of_a_rerun_are_twins_only_for_the_same_tests(project: Project) -> None:
    project.write("tests/test_it.py", SOURCE)
    first = project.ended()
    one = project.start("--rerun", f"{first.run.short}:1")
    two = project.start("--rerun", f"{first.run.short}:2")
    assert one.run.id != two.run.id
    one.outcome()
    two.outcome()


def test_a_rerun_of_a_collection_error_collects_again(project: Project) -> None:
    project.write("tests/test_it.py", "import nothing_like_this\ndef test_a(): pass\n")
    first = project.ended()
    (cause,) = project.json("failures")["causes"]
    project.write("nothing_like_this.py", "")
    project.write("pytest.ini", "[pytest]\npythonpath = .\n")
    for selector in (first.run.short, cause["rerun"]):
        again = project.ended("--rerun", selector)
        assert again.outcome()["outcome"] == "passed"


def test_a_test_that_is_gone_is_not_passed_over_in_silence(project: Project) -> None:
    project.write("tests/test_it.py", "def test_a(): assert 0\ndef test_b(): assert 0\n")
    first = project.ended()
    project.write("tests/test_it.py", "def test_a(): pass\n")
    again = project.inv("test", "--rerun", first.run.short)
    note = "note: 1 of the 2 tests to run again not collected: tests/test_it.py::test_b"
    assert note in again.stdout.splitlines()


def test_a_rerun_where_the_folder_is_gone_is_said(project: Project) -> None:
    project.write("sub/test_there.py", "def test_a(): assert 0\n")
    live = project.start(cwd=project.root / "sub")
    live.outcome()
    for path in sorted((project.root / "sub").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (project.root / "sub").rmdir()
    answer = project.inv("test-async", "--rerun", live.run.short)
    assert answer.returncode == 69
    assert "which is gone" in answer.stderr
