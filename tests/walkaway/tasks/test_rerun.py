"""`--rerun RUN` and `RUN:CAUSE` run exactly the tests that failed, whatever they are called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import GATED, Project, made, tidied
from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def failed_ids(project: Project, live: Live, result: str = "failed") -> list[str]:
    rows = project.json("results", "--run", live.run.id, "--limit", "0", "--result", result)
    return [row["id"] for row in rows["results"]]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A finished run of tests with odd ids, with `-v`."""
    with tidied(made(tmp_path_factory.mktemp("odd") / "project", SOURCE)) as project:
        project.write("pytest.ini", INI)
        yield project.ended("--", "-v")


def test_odd_ids_are_run_again_exactly(odd: Live) -> None:
    project = Project(Path(odd.run.root))
    wanted = failed_ids(project, odd)
    assert len(wanted) == len(ODD) + 2
    again = project.ended("--rerun", odd.run.short)
    assert ids_of(project, again) == wanted
    assert again.run.args == ("-v",)
    assert again.run.label == f"--rerun {odd.run.short} -v"
    third = project.ended("--rerun", again.run.short)
    assert ids_of(project, third) == wanted


def test_a_cause_is_run_again_alone_by_the_command_that_is_printed(odd: Live) -> None:
    project = Project(Path(odd.run.root))
    causes = project.json("failures", "--run", odd.run.id)["causes"]
    assert {cause["count"] for cause in causes[:2]} == {1, 2}
    both = [project.start("--rerun", cause["rerun"]) for cause in causes[:2]]
    assert both[0].run.id != both[1].run.id, "twins for the same tests only"
    for cause, again in zip(causes, both, strict=False):
        again.outcome()
        assert sorted(ids_of(project, again)) == sorted(cause["ids"])
    assert sum(cause["count"] for cause in causes) == len(failed_ids(project, odd))
    assert (
        f"inv test-async --rerun {causes[0]['rerun']}"
        in project.inv("failures", "--run", odd.run.id).stdout
    )


def test_new_arguments_take_the_place_of_the_old(project: Project) -> None:
    project.write("tests/test_it.py", SOURCE)
    first = project.ended("--", "-k", "other")
    again = project.ended("--rerun", first.run.short, "--", "-x")
    assert again.run.args == ("-x",)
    assert ids_of(project, again)[0] == failed_ids(project, first)[0]


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
    note = "note: 1 of the 2 tests to run again were not collected: tests/test_it.py::test_b"
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


# What was not run

THREE = """\
import os, time

def test_a():
    pass

def test_b():
    {b}

def test_c():
    pass

def test_d():
    pass
"""
LEFT = ["tests/test_it.py::test_c", "tests/test_it.py::test_d"]


def offered(project: Project, live: Live) -> str:
    """Return the command that the verdict offers, without `inv`."""
    last = project.inv("progress", "--run", live.run.short).stdout.splitlines()[-1]
    command = f"inv test-async --rerun {live.run.short}:not-run"
    assert command in last, last
    return f"{live.run.short}:not-run"


@pytest.mark.parametrize(
    ("b", "words", "outcome", "left"),
    [
        ("assert 0", ("--", "-x"), "failed", LEFT),
        ("os._exit(3)", (), "crashed", LEFT),
        pytest.param("os.kill(os.getpid(), 9)", (), "killed", LEFT, marks=pytest.mark.soak),
        ("time.sleep(60)", ("--timeout", "2"), "timed-out", ["tests/test_it.py::test_b", *LEFT]),
    ],
    ids=["-x", "crash", "kill", "deadline"],
)
def test_what_was_not_run_is_run_by_the_command_that_is_printed(
    project: Project, b: str, words: tuple[str, ...], outcome: str, left: list[str]
) -> None:
    project.write("tests/test_it.py", THREE.format(b=b))
    first = project.start(*words)
    if "--timeout" in words:
        first.hold_until_in_flight(1)
    assert first.outcome()["outcome"] == outcome
    project.write("tests/test_it.py", THREE.format(b="pass"))
    if outcome == "crashed":
        assert failed_ids(project, first, "crashed") == ["tests/test_it.py::test_b"]
        alone = project.ended("--rerun", first.run.short)
        assert ids_of(project, alone) == ["tests/test_it.py::test_b"]
    again = project.ended("--rerun", offered(project, first))
    assert ids_of(project, again) == left
    assert again.outcome()["outcome"] == "passed"
    assert again.run.args == first.run.args
    refused = project.inv("test-async", "--rerun", f"{again.run.short}:not-run")
    assert (refused.returncode, refused.stdout) == (5, "")
    assert f"Every test of run {again.run.short} has a result." in refused.stderr


def test_what_a_stop_left_is_run_and_a_run_that_goes_on_is_refused(project: Project) -> None:
    project.write("tests/test_it.py", GATED + "\ndef test_after(): pass\n")
    first = project.start()
    project.gate_reached(first)
    refused = project.inv("test-async", "--rerun", f"{first.run.short}:not-run")
    assert refused.returncode == 64
    assert f"Run {first.run.short} is still running" in refused.stderr
    assert project.inv("stop").returncode == 0
    project.open_gate()
    again = project.ended("--rerun", offered(project, first))
    assert ids_of(project, again)[-1] == "tests/test_it.py::test_after"
    assert "tests/test_it.py::test_before" not in ids_of(project, again)


def test_of_a_run_that_ended_before_it_had_collected_everything_is_run(project: Project) -> None:
    waits = "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(60)\n"
    project.write("tests/test_it.py", waits + THREE.format(b="pass"))
    first = project.start("--timeout", "2")
    with first.supervisor_held():
        wait_for((project.root / "begun").exists, f"the collection\n{first.described()}")
    assert first.outcome()["outcome"] == "timed-out"
    project.write("tests/test_it.py", THREE.format(b="pass"))
    again = project.ended("--rerun", f"{first.run.short}:not-run")
    assert len(ids_of(project, again)) == 4


def test_another_word_behind_the_colon_is_refused(project: Project, past: Live) -> None:
    for word in ("lost", "0", "1x", "not_run"):
        refused = project.inv("test-async", "--rerun", f"{past.run.short}:{word}")
        assert refused.returncode == 64
        assert "or RUN:not-run." in refused.stderr
