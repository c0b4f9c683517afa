"""make in front of the tasks: what it lists, what it hands on, what it refuses."""

from __future__ import annotations

import json
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.support.checkout import REPOSITORY, Checkout, copy_checkout, lend_venv
from walkaway.tasks.corrected_line import advice

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

HELP_LINE = re.compile(r"^\.PHONY: ([a-z-]+) ## \S", re.MULTILINE)


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Real make, real `python -m walkaway`, real Invoke; only the tasks merely tell."""
    checkout = copy_checkout(tmp_path_factory.mktemp("checkout with spaces"))
    lend_venv(checkout)
    checkout.use_probe_tasks()
    return checkout


@pytest.fixture
def bare(tmp_path: Path) -> Checkout:
    """Just what make reads: whatever it starts would fail or leave a .venv."""
    for name in ("Makefile", "walkaway/tasks/corrected_line.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((REPOSITORY / name).read_bytes())
    return Checkout(tmp_path)


def told(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert isinstance(answer, dict)
    return answer


def pytest_args(result: subprocess.CompletedProcess[str]) -> list[str]:
    argv: list[str] = told(result)["argv"]
    assert argv[:2] == ["inv", "test-async"]
    return argv[argv.index("--") + 1 :]


def makefile_targets() -> list[str]:
    return HELP_LINE.findall((REPOSITORY / "Makefile").read_text(encoding="utf-8"))


# What there is


def test_every_task_and_alias_has_a_target_and_every_target_a_task() -> None:
    from walkaway import ns

    names = {name for task, aliases in ns.task_names.items() for name in (task, *aliases)}
    targets = makefile_targets()
    assert set(targets) - {"help"} == names
    assert len(targets) == len(set(targets))


def test_plain_make_lists_every_target_and_makes_nothing(bare: Checkout) -> None:
    result = bare.make()
    assert result.returncode == 0
    listed = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")]
    assert listed == makefile_targets()
    assert "exits 2" in result.stdout
    assert not (bare.root / ".venv").exists()


# ARGS and OPTS arrive as typed

ARGUMENTS = [
    ["-m", "not slow"],
    ["-k", "a or (b and not c)", "-x"],
    ["tests/test_a.py::test_b[x y-1]"],
    ["tests/test_a.py::test_b[it's]"],
    ['say "hello"'],
    ["a;touch pwned", "&&", "touch", "pwned", "|", "tee", "pwned"],
    ["$(touch pwned)", "`touch pwned`", "${HOME}", "$HOME", "$$", "$"],
    ["$(shell touch pwned)", "$(error pwned)", "$(ARGS)", "$(info pwned)"],
    ["a\nb", "\n", "tab\there"],
    ["naïve", "日本語", "🚀", "e\u0301"],
    ["#", "a#b", "# not a comment"],
    ["%", "%d", "a%b"],
    ["*", "?", "[a-z]", "~", "{a,b}", "!x"],
    ["back\\slash", "\\", "\\n", "ends with \\"],
    ["", " ", "--", "-", "=", "A=b"],
    ["--lf", "-p", "no:randomly", "-o", "addopts=", "-W", "error::UserWarning"],
    ["a, b", ",", ":=", "define x", "endef", "override"],
    ["x" * 20_000],
]


def test_args_reach_the_task_exactly(probe: Checkout) -> None:
    every = [word for args in ARGUMENTS for word in args]
    # Once with each at the end that means something to make or to a shell there.
    ends = [args for args in ARGUMENTS if args[-1] in {"$", "# not a comment", "ends with \\"}]
    assert len(ends) == 3
    for args in (every, every[::-1], *ends):
        result = probe.make("test-async", f"ARGS={shlex.join(args)}")
        assert pytest_args(result) == args
    assert not (probe.root / "pwned").exists()


@pytest.mark.parametrize(
    ("typed", "args"),
    [
        ("$(shell touch pwned)", ["$(shell", "touch", "pwned)"]),
        ("`touch pwned`;touch pwned", ["`touch", "pwned`;touch", "pwned"]),
        ("-k $$x #y", ["-k", "$$x", "#y"]),
        ("one\ntwo", ["one", "two"]),
        (r"a\ b 'c d' \"e", ["a b", "c d", '"e']),
    ],
)
def test_what_is_not_quoted_is_split_and_nothing_else(
    probe: Checkout, typed: str, args: list[str]
) -> None:
    for words, env in ((["-j4", f"ARGS={typed}"], {}), ([], {"ARGS": typed})):
        assert pytest_args(probe.make("test-async", *words, env=env)) == args
    assert not (probe.root / "pwned").exists()


def test_without_args_the_task_gets_none(probe: Checkout) -> None:
    assert told(probe.make("test-async"))["argv"] == ["inv", "test-async"]


def test_opts_are_the_tasks_own_flags(probe: Checkout) -> None:
    both = probe.make("test-async", "OPTS=--workers 2", "ARGS=-x --workers")
    assert told(both)["argv"] == ["inv", "test-async", "--workers", "2", "--", "-x", "--workers"]
    look = probe.make("progress", "OPTS=--run 7f3a --json")
    assert told(look)["argv"] == ["inv", "progress", "--run", "7f3a", "--json"]


def test_what_make_hands_over_is_gone_from_the_environment(probe: Checkout) -> None:
    assert told(probe.make("test-async", "ARGS=-x", "OPTS=--workers 2"))["ours"] == []


@pytest.mark.parametrize("variable", ["ARGS", "OPTS"])
def test_an_unclosed_quote_is_named(probe: Checkout, variable: str) -> None:
    result = probe.make("test-async", f"{variable}=-k 'a or b")
    assert result.returncode == 2
    assert result.stderr.splitlines()[0] == (
        f'''make: {variable} cannot be split: No closing quotation in "-k 'a or b"'''
    )
    assert result.stdout == ""
    python = probe.root / ".venv" / "bin" / "python"
    direct = probe.run(
        python, "-m", "walkaway", "make", "test-async", env={f"WALKAWAY_{variable}": "'"}
    )
    assert direct.returncode == 64
    assert "Traceback" not in direct.stderr


# A goal that is no target

REFUSED = [
    (["test-async", "-m", "slow"], "make test-async ARGS='-m slow'"),
    (["test-async", "-m", "not slow"], "make test-async ARGS=\"-m 'not slow'\""),
    (["test-async", "tests"], "make test-async ARGS='tests'"),
    (["test-async", "tests/unit", "-k", "x"], "make test-async ARGS='tests/unit -k x'"),
    (["tests/unit", "test-async"], "make test-async ARGS='tests/unit'"),
    (["test-async", "-n", "2"], "make test-async ARGS='-n 2'"),
    (["test-async", "-k", "foo"], "make test-async ARGS='-k foo'"),
    (["test-async", "-o", "addopts="], "make test-async ARGS='-o addopts='"),
    (["test-async", "-W", "error"], "make test-async ARGS='-W error'"),
    (["test-async", "ARGS=-x", "tests"], "make test-async ARGS='-x tests'"),
    (["test-async", "ARG=-m slow"], "make test-async ARGS='-m slow'"),
    (["-s", "test", "docs", "logs"], "make -s test ARGS='docs logs'"),
    (["progress", "7f3a"], "make progress OPTS='--run 7f3a'"),
]


@pytest.mark.parametrize(("words", "corrected"), REFUSED, ids=lambda value: repr(value)[:40])
def test_a_goal_that_is_no_target_is_refused_with_the_corrected_line(
    bare: Checkout, words: list[str], corrected: str
) -> None:
    result = bare.make(*words)
    assert result.returncode == 2
    assert result.stdout == ""
    first, second, last = result.stderr.splitlines()
    assert "nothing was started" in first
    assert second.strip().split("    (")[0] == corrected
    assert last.endswith("refused.  Stop.")
    assert not (bare.root / ".venv").exists()


@pytest.mark.parametrize("folder", ["tests", "docs", "bench", "scripts", "app", "walkaway"])
def test_a_folder_is_no_goal(bare: Checkout, folder: str) -> None:
    (bare.root / folder).mkdir(exist_ok=True)
    result = bare.make(folder)
    assert result.returncode == 2
    assert f"no target named '{folder}'" in result.stderr


def test_the_folder_logs_does_not_stand_for_the_task(probe: Checkout) -> None:
    (probe.root / "logs").mkdir(exist_ok=True)
    assert "logs" in probe.make("-n", "logs").stdout


def test_an_option_that_both_have_is_refused_behind_the_goal_only(probe: Checkout) -> None:
    refused = probe.make("test-async", "-s")
    assert refused.returncode == 2
    assert "make test-async ARGS='-s'    (or, for make's own: make -s test-async)" in refused.stderr
    assert pytest_args(probe.make("-s", "-k", "test-async", "ARGS=-s")) == ["-s"]
    assert pytest_args(probe.make("test-async", "-j4", "ARGS=-x")) == ["-x"]


def test_a_corrected_line_says_what_was_meant(probe: Checkout) -> None:
    every = []
    for args in ARGUMENTS[:-1]:
        meant = [word for word in args if word not in {"", "A=b", "="}]
        _, line = advice(["make", "test-async", *meant], makefile_targets())
        corrected = line.partition("    (or, for")[0]
        make, target, given = shlex.split(corrected)
        assert (make, target) == ("make", "test-async")
        assert shlex.split(given.removeprefix("ARGS=")) == meant
        every += meant
    _, line = advice(["make", "test-async", *every], makefile_targets())
    corrected = line.partition("    (or, for")[0]
    assert pytest_args(probe.make(*shlex.split(corrected)[1:])) == every


def test_words_that_would_run_something_are_only_shown(bare: Checkout) -> None:
    for word in ("$(shell touch pwned)", "`touch pwned`", ";touch pwned", "$$(touch pwned)"):
        assert bare.make("test-async", word).returncode == 2
    assert not (bare.root / "pwned").exists()


def test_where_there_is_no_proc_the_way_is_shown_all_the_same(probe: Checkout) -> None:
    nobody = probe.run(sys.executable, "walkaway/tasks/corrected_line.py", "0", *makefile_targets())
    assert nobody.returncode == 0
    assert "ARGS='-m slow'" in nobody.stderr
    assert len(nobody.stderr.splitlines()) == 2
