"""A start that Invoke's parser would refuse: 64, the line to type, and a mark for the next look."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.checkout import Checkout, copy_checkout, lend_venv
from tests.walkaway.support.project import TASKS, Project, made, tidied
from walkaway.tasks.parsing import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.walkaway.support.scratch import Live

ME = {"WALKAWAY_ORIGIN": "me"}
WRAPPED = """\
from invoke.collection import Collection
from invoke.tasks import task
from walkaway.tasks.groups import run

@task
def test(c, k=""):
    print("mine", k)

@task
def deploy(c, where):
    print("deployed", where)

ns = Collection(test, deploy)
ns.add_collection(run)
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, finished: Live) -> Iterator[Project]:
    """A project with one passed run of ours."""
    with tidied(made(tmp_path_factory.mktemp("parsing") / "project")) as project:
        project.inherit(finished, origin={"kind": "shell", "key": "WALKAWAY_ORIGIN=me"})
        yield project


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with tasks of its own, one of them named as one of ours, and ours in a group."""
    with tidied(made(tmp_path_factory.mktemp("wrapped") / "project")) as project:
        project.write("tasks.py", WRAPPED)
        yield project


CORRECTED = [
    ("inv test-async -k x", "inv test-async -- -k x"),
    ("inv test-async -k 'a or b' tests/x.py", "inv test-async -- -k 'a or b' tests/x.py"),
    ("inv test-async tests/x.py", "inv test-async -- tests/x.py"),
    ("inv test -x", "inv test -- -x"),
    ("inv ci -n 2", "inv ci -- -n 2"),
    ("inv flaky tests/", "inv flaky -- tests/"),
    ("inv flaky --runs 3 -k x", "inv flaky --runs 3 -- -k x"),
    (
        "inv test-async --timeout 5 -k x --workers=2 --json",
        "inv test-async --timeout 5 --workers=2 --json -- -k x",
    ),
    ("inv test-async --rerun 7f3a:1 tests", "inv test-async --rerun 7f3a:1 -- tests"),
    ("inv test-async -x -- tests/y.py -v", "inv test-async -- -x tests/y.py -v"),
    ("inv -e test-async --lf", "inv -e test-async -- --lf"),
    ("inv runs test-async -vv", "inv runs test-async -- -vv"),
    ("inv test-async -l", "inv test-async -- -l"),
    ("inv test-async -rA", "inv test-async -- -rA"),
    ("inv test-async -c other.ini", "inv test-async -- -c other.ini"),
    ("inv test-async -p no:cacheprovider", "inv test-async -- -p no:cacheprovider"),
    ("inv test-async --timeuot 5", "inv test-async -- --timeuot 5    (or did you mean --timeout?)"),
    ("inv test-asnyc", "inv test-async"),
    ("inv test_async -- -k x", "inv test-async -- -k x"),
    ("inv testasync --json tests", "inv test-async --json -- tests"),
]


@pytest.mark.parametrize(("typed", "corrected"), CORRECTED, ids=lambda value: value)
def test_a_start_that_would_not_reach_pytest_is_answered_with_the_corrected_line(
    shared: Project, typed: str, corrected: str
) -> None:
    before = shared.records.ids()
    answer = shared.inv(*shlex.split(typed)[1:], env=ME)
    assert answer.returncode == 64, answer.stdout + answer.stderr
    assert answer.stdout == ""
    first, second = answer.stderr.splitlines()
    assert first.startswith("inv: ")
    assert "nothing was started" in first
    assert second == f"  {corrected}"
    assert shared.records.ids() == before
    if "flaky" not in typed:
        waited = shared.inv("wait", env=ME)
        assert waited.returncode == 64
        told = waited.stdout.splitlines()[0]
        assert told.startswith("REFUSED  the last start, ")
        assert told.endswith(f" ago: {first}  exit 64")
        assert f"typed: {typed}" in waited.stdout


def test_a_hunt_is_marked_as_one(shared: Project) -> None:
    assert shared.inv("flaky", "tests/", env=ME).returncode == 64
    assert shared.inv("flaky", "--hunt", "latest", env=ME).returncode == 64


def test_a_flag_without_its_value_is_a_refused_start(shared: Project) -> None:
    env = {"WALKAWAY_ORIGIN": "value"}
    answer = shared.inv("test-async", "--timeout", env=env)
    assert answer.returncode == 64
    assert "timeout" in answer.stderr
    assert shared.inv("wait", env=env).returncode == 64


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("test-async --help", 0),
        ("--help test-async", 0),
        ("--list", 0),
        ("--complete -- inv test-async -l", 0),
        ("wait --nope", 1),
        ("progress extra", 1),
        ("nope", 1),
        ("--version", 0),
    ],
)
def test_what_starts_nothing_is_left_to_invoke_and_marks_nothing(
    shared: Project, typed: str, code: int
) -> None:
    env = {"WALKAWAY_ORIGIN": "nothing started"}
    answer = shared.inv(*typed.split(), env=env)
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert shared.inv("wait", env=env).stdout.startswith("PASSED  ")


def test_in_a_group_our_names_are_the_group_s_and_the_project_s_tasks_its_own(
    wrapped: Project,
) -> None:
    refused = wrapped.inv("run.test-async", "-k", "x", env=ME)
    assert (refused.returncode, refused.stderr.splitlines()[1]) == (
        64, "  inv run.test-async -- -k x",
    )  # fmt: skip
    misspelt = wrapped.inv("run.test-asnyc", "-k", "x", env=ME)
    assert (misspelt.returncode, misspelt.stderr.splitlines()[1]) == (
        64, "  inv run.test-async -- -k x",
    )  # fmt: skip
    assert wrapped.inv("run.wait", env=ME).returncode == 64
    other = {"WALKAWAY_ORIGIN": "other"}
    assert wrapped.inv("test", "-k", "x", env=other).stdout == "mine x\n"
    assert wrapped.inv("test", "-x", env=other).returncode == 1
    assert wrapped.inv("deploy", env=other).returncode == 1
    assert wrapped.inv("deploi", env=other).returncode == 1
    assert wrapped.inv("run.wait", env=other).returncode == 66


def test_the_value_of_a_flag_is_no_task_and_no_stranger() -> None:
    flags = {
        "test": {"--rerun": True, "--json": False},
        "log": {"--test": True, "--follow": False},
        "wait": {},
    }
    core = {"-e": False, "--echo": False, "-p": False, "--hide": True}

    def told(typed: str) -> tuple[str, list[str], list[str], list[str]]:
        line = read(typed.split(), flags, core, {"test": "run"})
        return line.task, line.before, line.own, line.strangers

    assert told("log --test test -x") == ("log", [], ["--test", "test"], ["-x"])
    assert told("test --rerun wait") == ("test", [], ["--rerun", "wait"], [])
    assert told("test wait -x") == ("wait", ["test"], [], ["-x"])
    assert told("test -k wait") == ("test", [], [], ["-k", "wait"])
    assert told("test --hide both -p x") == ("test", [], ["--hide", "both"], ["-p", "x"])
    assert told("test --rerun --json") == ("test", [], ["--rerun", "--json"], [])
    assert told("log -p") == ("log", [], ["-p"], [])
    assert told("test -e") == ("test", [], ["-e"], [])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """This repository as a user has it, with make and the scripts."""
    checkout = copy_checkout(tmp_path_factory.mktemp("clone") / "checkout")
    lend_venv(checkout)
    (checkout.root / "tasks.py").write_text(TASKS, encoding="utf-8")
    return checkout


def test_a_line_that_make_refuses_is_what_the_next_wait_answers(checkout: Checkout) -> None:
    project = Project(checkout.root)

    def waited() -> subprocess.CompletedProcess[str]:
        return project.inv("wait", env=ME)

    def make(*words: str) -> None:
        refused = checkout.make(*words, env=ME)
        assert refused.returncode == 2
        assert not list(checkout.root.glob("logs/tests/pytest/test-run-*"))

    assert waited().returncode == 66
    make("progress", "7f3a")
    assert waited().returncode == 66, "a look that was refused is no start"
    for typed in ("test-async -k x", "test-async ARG=-x", "test-asnyc"):
        make(*typed.split())
        answer = waited()
        assert answer.returncode == 64, typed
        assert answer.stdout.startswith("REFUSED  the last start, ")
        assert f"typed: make {typed}" in answer.stdout
    make("test-async", "ARGS=-k 'a or b")
    answer = waited()
    assert answer.returncode == 64
    assert "ARGS cannot be split" in answer.stdout
    make("flaky", "tests")
    assert "ARGS cannot be split" in waited().stdout, "a hunt is no run"
    assert project.inv("flaky", "--hunt", "latest", env=ME).returncode == 64


def test_the_scripts_of_old_answer_with_the_refused_start(checkout: Checkout) -> None:
    env = {"WALKAWAY_ORIGIN": "of old", "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    env |= {"INVOKE_WALKAWAY_BACKEND": "auto"}
    refused = checkout.run(
        checkout.root / "scripts/pytest-for-claude.sh", "--ci-mode", "tests/unit", env=env
    )
    assert refused.returncode == 69, refused.stdout + refused.stderr
    answer = checkout.run(checkout.root / "scripts/check-test-progress.sh", "--wait", env=env)
    assert answer.returncode == 69
    assert answer.stdout.startswith("REFUSED  the last start, ")
