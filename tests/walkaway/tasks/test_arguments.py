"""Arguments reach pytest as typed, by every way there is, and nothing in them is executed."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.checkout import Checkout, copy_checkout, lend_venv
from tests.walkaway.support.project import Project, tidied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPY = '''\
"""Writes down what pytest was given, before anything judges it."""
import json, os

def pytest_load_initial_conftests(early_config):
    with open(os.environ["SPY"], "w", encoding="ascii") as file:
        json.dump(list(early_config.invocation_params.args), file)
'''
HARD = [
    "-k",
    "a and (b or not c)",
    "tests/test_a.py::test_b[x y-[z]]",
    "",
    "it's",
    'say "hi"',
    "; touch pwned",
    "&& touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "$(shell touch pwned)",
    "${HOME} $HOME ~ * ? {a,b}",
    "$$",
    "a\nb\n",
    "a\tb",
    "naïve ✓ 日本",
    "back\\slash\\",
    "# no comment",
    "100%",
    "--",
    "--workers",
    "-x",
    "--",
    " ",
]


@pytest.fixture
def spied(project: Project) -> Project:
    """A project whose pytest tells what it was given."""
    project.write("spy.py", SPY)
    project.environ |= {"PYTEST_PLUGINS": "spy", "SPY": str(project.root / "given.json")}
    project.environ["PYTHONPATH"] = f"{project.env()['PYTHONPATH']}:{project.root}"
    return project


def given(project: Project) -> list[str]:
    """What pytest was given of the user's: what follows our own options."""
    words: list[str] = json.loads((project.root / "given.json").read_bytes())
    assert words[:4] == ["-p", "walkaway_recorder", "-o", "verbosity_test_cases=1"]
    return words[4:]


def test_inv_hands_on_every_word_as_typed(spied: Project) -> None:
    live = spied.start("--", *HARD)
    assert list(live.run.args) == HARD
    assert live.outcome()["outcome"] == "usage-error"
    assert given(spied) == HARD
    assert not list(spied.root.rglob("pwned"))


@pytest.mark.parametrize(
    "args",
    [
        *([""], ["--"], ["", "--", ""]),
        *(pytest.param(args, marks=pytest.mark.soak) for args in (["", ""], [" "], ["a  b"])),
    ],
    ids=json.dumps,
)
def test_words_that_vanish_in_a_join_are_kept(spied: Project, args: list[str]) -> None:
    live = spied.start("--", *args)
    assert list(live.run.args) == args
    live.outcome()
    assert given(spied) == args


def test_options_of_the_task_come_before_the_arguments(spied: Project) -> None:
    live = spied.ended("--fail-fast", "--", "--maxfail=3", "-v")
    assert given(spied) == ["-x", "--maxfail=3", "-v"]
    assert live.run.args == ("--maxfail=3", "-v")
    assert live.run.label == "-x --maxfail=3 -v"


def test_no_arguments_are_no_arguments(spied: Project) -> None:
    assert spied.ended().run.args == ()
    assert spied.ended("--").run.args == ()
    assert given(spied) == []


def test_hard_arguments_are_shown_on_one_line(spied: Project) -> None:
    live = spied.ended("--", *HARD)
    shown = spied.inv("progress").stdout.splitlines()
    assert shown[0].startswith(f"USAGE ERROR  {live.run.short}  -k 'a and (b or not c)'")
    assert "started" in spied.inv("test-async", "--", "a\nb").stdout.splitlines()[0]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """This repository as a user has it, with make and the scripts."""
    checkout: Checkout = copy_checkout(tmp_path_factory.mktemp("check out"))
    lend_venv(checkout)
    project = Project(checkout.root)
    spies = tmp_path_factory.mktemp("spies")
    (spies / "spy.py").write_text(SPY, encoding="utf-8")
    given_path = str(checkout.root / "given.json")
    project.environ |= {"PYTEST_PLUGINS": "spy", "SPY": given_path, "PYTHONPATH": str(spies)}
    project.environ["INVOKE_WALKAWAY_BACKEND"] = "local"  # the spy is here
    with tidied(project):
        yield project


@pytest.mark.parametrize("program", [("make", "test-async"), ("scripts/pytest-for-claude.sh",)])
def test_make_and_the_script_hand_on_every_word_as_typed(
    clone: Project, program: tuple[str, ...], tmp_path: Path
) -> None:
    words = [f"ARGS={shlex.join(HARD)}"] if program[0] == "make" else HARD
    answer = clone.inv(*words, program=program, env={"HOME": str(tmp_path)})
    assert answer.returncode == 0, answer.stderr
    live = clone.live()
    assert list(live.run.args) == HARD
    assert live.outcome()["outcome"] == "usage-error"
    assert given(clone) == HARD
    assert not list(clone.root.rglob("pwned"))
    assert not list(tmp_path.rglob("pwned"))


def test_unbalanced_quotes_in_make_s_args_start_nothing(clone: Project) -> None:
    before = clone.records.ids()
    answer = clone.inv("ARGS=-k 'a", program=("make", "test-async"))
    assert answer.returncode == 2
    assert "ARGS cannot be split" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert clone.records.ids() == before
