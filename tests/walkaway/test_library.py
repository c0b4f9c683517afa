"""walkaway as a library: from its wheel or a checkout on PYTHONPATH, in a foreign repository."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.support import warm
from tests.walkaway.support.checkout import PROBE, REPOSITORY
from tests.walkaway.support.scratch import clean_environ
from tests.walkaway.test_makefile import ARGUMENTS
from walkaway import __main__ as door
from walkaway.scaffold import project_files

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN_MAKEFILE = """\
all:
\t@echo theirs

lint format: ; @echo their $@
"""
OWN_TASKS = """\
from invoke.tasks import task


@task
def deploy(c):
    print("deployed")
"""


@dataclass(frozen=True, slots=True)
class Repository:
    """A scratch repository with one test, and the Python that has walkaway."""

    root: Path
    python: Path
    environ: Mapping[str, str]

    def run(self, *argv: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        return warm.run(argv, cwd=self.root, env={**self.environ, **env}, timeout=120)

    def walkaway(self, *words: str) -> list[str]:
        done = self.run(self.python, "-m", "walkaway", *words)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def inv(self, *words: str, code: int = 0) -> str:
        done = self.run(self.python, "-m", "invoke", *words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def make(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return self.run("make", f"WALKAWAY_PYTHON={shlex.quote(str(self.python))}", *words, **env)

    def git_status(self) -> list[str]:
        return self.run("git", "status", "--porcelain", "-uall").stdout.splitlines()


def repository(root: Path, python: Path, environ: Mapping[str, str]) -> Repository:
    root.mkdir()
    (root / "tests").mkdir()
    (root / "tests" / "test_sum.py").write_text("def test_sum():\n    assert 1 + 1 == 2\n")
    (root / ".gitignore").write_text("__pycache__/\n.pytest_cache/\n.venv/\n")
    subprocess.run(["git", "init", "-q", root], check=True)
    return Repository(root, python, environ)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a venv where walkaway's wheel is installed, and its dependencies are lent."""
    pytest.importorskip("hatchling", reason="builds the wheel; requirements-dev.txt has it")
    folder = tmp_path_factory.mktemp("wheel")
    build: list[str | Path] = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        folder,
    ]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv = folder / "a venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    install: list[str | Path] = ["--quiet", "--offline", "--no-deps", "--python", python, wheel]
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", *install], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


@pytest.fixture
def wheel(tmp_path: Path, installed: Path) -> Repository:
    """A repository that has walkaway from its wheel."""
    return repository(tmp_path / "a project", installed, clean_environ())


@pytest.fixture
def checkout(tmp_path: Path) -> Repository:
    """A repository that has walkaway from a checkout on PYTHONPATH."""
    environ = clean_environ() | {"PYTHONPATH": str(REPOSITORY)}
    return repository(tmp_path / "a project", Path(sys.executable), environ)


# init


def test_init_shows_what_it_would_write_and_writes_nothing(checkout: Repository) -> None:
    before = checkout.git_status()
    lines = checkout.walkaway("init")
    assert lines[0] == (
        f"would write 5 files in {checkout.root}: "
        "tasks.py, walkaway.mk, Makefile, AGENTS.md, CLAUDE.md"
    )
    for text in (
        *project_files.TASKS.splitlines(),
        *project_files.AGENTS.splitlines(),
        *project_files.CLAUDE.splitlines(),
        project_files.INCLUDE,
    ):
        assert text in lines
    assert lines[-1] == "next: python -m walkaway init --write"
    assert checkout.git_status() == before


def test_init_written_works_from_the_wheel_from_start_to_verdict(wheel: Repository) -> None:
    lines = wheel.walkaway("init", "--write")
    assert lines == [
        f"wrote 5 files in {wheel.root}: tasks.py, walkaway.mk, Makefile, AGENTS.md, CLAUDE.md",
        "next: inv test-async (or make test-async)",
    ]
    status = wheel.git_status()
    started = wheel.make("test-async", "ARGS=tests -k 'sum or more'")
    assert started.returncode == 0, started.stderr
    assert wheel.inv("wait").startswith("PASSED")
    verdict = json.loads(wheel.make("progress", "OPTS=--json").stdout)
    assert verdict["ended"]["outcome"] == "passed"
    assert verdict["run"]["args"] == ["tests", "-k", "sum or more"]
    assert wheel.inv("rotate-logs", "--days", "0", "--keep", "0").startswith(
        "to delete: 1 of 1 run"
    )
    assert wheel.inv("compile-deps", "--check").startswith("no requirements*.in here")
    # The records ignore themselves.
    assert (wheel.root / "logs" / "tests" / "pytest" / ".gitignore").read_text() == "*\n"
    assert wheel.git_status() == status


def test_init_overwrites_nothing_and_says_what_to_add(checkout: Repository) -> None:
    files = {
        "tasks.py": OWN_TASKS,
        "Makefile": OWN_MAKEFILE,
        "AGENTS.md": "# Rules\n",
        "CLAUDE.md": "# See AGENTS.md\n",
        "walkaway.mk": "# older\n",
    }
    for name, text in files.items():
        (checkout.root / name).write_text(text)
    for words in (["init"], ["init", "--write"]):
        lines = checkout.walkaway(*words)
        assert lines[0] == f"nothing to write in {checkout.root}, 5 to complete by hand"
        for name in files:
            assert any(line.startswith(f"== {name}: exists, left alone") for line in lines)
        for added in (
            "ns.add_task(mine)",
            project_files.INCLUDE,
            "## Running the tests",
            "@AGENTS.md",
        ):
            assert any(line.startswith(added) for line in lines)
        assert any("its own targets stay: lint" in line for line in lines)
    assert {name: (checkout.root / name).read_text() for name in files} == files


def test_init_writes_only_what_is_missing_and_twice_is_once(checkout: Repository) -> None:
    (checkout.root / "GNUmakefile").write_text(f"-{project_files.INCLUDE}\n")
    (checkout.root / "tasks").mkdir()
    (checkout.root / "AGENTS.md").symlink_to("nowhere")
    lines = checkout.walkaway("init", "--write")
    assert lines[0] == f"wrote 2 files in {checkout.root}: walkaway.mk, CLAUDE.md"
    assert "== GNUmakefile: exists, nothing to add" in lines
    assert "== tasks: exists, left alone" in lines
    assert not (checkout.root / "tasks.py").exists()
    assert not (checkout.root / "Makefile").exists()
    assert (checkout.root / "AGENTS.md").is_symlink()
    again = json.loads(checkout.walkaway("init", "--write", "--json")[0])
    assert again["walkaway"] == 1
    assert [file["standing"] for file in again["files"]] == [
        "exists", "ready", "ready", "exists", "ready",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("claude", "standing"),
    [
        ("Rules.\n\nSee @AGENTS.md.\n", "ready"),
        ("@./AGENTS.md\n", "ready"),
        ("Tests: `inv test-async`.\n", "ready"),
        ("See AGENTS.md; mail me@AGENTS.md.example\n", "exists"),
    ],
)
def test_a_claude_md_that_leads_to_the_tasks_lacks_nothing(
    checkout: Repository, claude: str, standing: str
) -> None:
    (checkout.root / "CLAUDE.md").write_text(claude)
    found = json.loads(checkout.walkaway("init", "--json")[0])["files"]
    assert (found[-1]["name"], found[-1]["standing"]) == ("CLAUDE.md", standing)


@pytest.mark.parametrize("link", ["CLAUDE.md", "AGENTS.md"])
def test_one_file_under_both_names_is_told_once(checkout: Repository, link: str) -> None:
    (other,) = {"CLAUDE.md", "AGENTS.md"} - {link}
    (checkout.root / link).symlink_to(other)
    if link == "AGENTS.md":
        (checkout.root / other).write_text("# Rules\n")
    lines = checkout.walkaway("init")
    assert "== CLAUDE.md: exists, nothing to add; it is the same file as AGENTS.md" in lines
    assert "@AGENTS.md" not in lines


def test_a_folder_that_takes_no_file_is_73(checkout: Repository) -> None:
    parent = "import os; os.mkdir('gone'); os.chdir('gone'); here = os.getcwd(); os.rmdir(here)"
    code = (
        f"{parent}; import pathlib, sys; pathlib.Path.cwd = lambda: pathlib.Path(here)\n"
        "from walkaway.__main__ import main; sys.argv[1:] = ['init', '--write']; main()"
    )
    done = checkout.run(checkout.python, "-c", code)
    assert done.returncode == 73
    assert "tasks.py cannot be written: No such file or directory." in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_wrong_words_are_64(checkout: Repository) -> None:
    for word in ("--help", "-h"):
        assert checkout.walkaway("init", word)[0].startswith("usage: python -m walkaway init")
    for words in (["init", "--force"], ["init", "tasks.py"], ["initialise"], []):
        refused = checkout.run(checkout.python, "-m", "walkaway", *words)
        assert (refused.returncode, refused.stdout) == (64, "")
        assert len(refused.stderr.splitlines()) <= 3


# walkaway.mk


def walkaway_mk(repo: Repository) -> str:
    repo.walkaway("init", "--write")
    return (repo.root / "walkaway.mk").read_text(encoding="utf-8")


def test_walkaway_mk_and_the_makefile_hand_over_alike(checkout: Repository) -> None:
    from walkaway import ns

    text = walkaway_mk(checkout)
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    handing_over = re.compile(r"^(?:un)?export .*$", re.MULTILINE)
    assert handing_over.findall(text) == handing_over.findall(makefile) != []
    targets = re.findall(r"^#: ([a-z-]+) +\S", text, re.MULTILINE)
    names = [name for task, aliases in ns.task_names.items() for name in (task, *aliases)]
    assert targets == names
    assert set(re.findall(r"^\.PHONY: ([a-z-]+) ## ", makefile, re.MULTILINE)) - {"help"} == set(
        names
    )
    recipe = re.compile(r"-m walkaway make \$@")
    assert recipe.search(text)
    assert recipe.search(makefile)
    assert "@" not in text.replace("\t@", "").replace("$@", "")
    assert door.TAKE_PYTEST_ARGS.issubset(names)


@pytest.fixture
def probe(checkout: Repository) -> Repository:
    """Tasks that merely tell what reached them, behind walkaway.mk."""
    walkaway_mk(checkout)
    (checkout.root / "tasks.py").write_text(PROBE, encoding="utf-8")
    return checkout


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_args_reach_the_task_exactly(probe: Repository) -> None:
    words = [word for args in ARGUMENTS for word in args]
    for args in (words, words[::-1]):
        argv = told(probe.make("test-async", f"ARGS={shlex.join(args)}"))["argv"]
        assert argv == ["inv", "test-async", "--", *args]
    environment = told(probe.make("test-async", ARGS="$(shell touch pwned) `touch pwned`"))
    assert environment["argv"][3:] == ["$(shell", "touch", "pwned)", "`touch", "pwned`"]
    assert environment["ours"] == ["WALKAWAY_PYTHON"]  # ours: `Repository.make` names one
    assert not (probe.root / "pwned").exists()
    flags = told(probe.make("progress", "OPTS=--run 7f3a --json"))
    assert flags["argv"] == ["inv", "progress", "--run", "7f3a", "--json"]


def test_a_goal_that_is_no_target_starts_nothing(probe: Repository) -> None:
    for words in (["test-async", "-m", "slow"], ["test-async", "tests"]):
        refused = probe.make(*words)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "Nothing was started." in refused.stderr
        assert "ARGS='-m slow'" in refused.stderr


def test_the_projects_own_targets_and_default_goal_stay(probe: Repository) -> None:
    for text in (OWN_MAKEFILE + project_files.INCLUDE, f"{project_files.INCLUDE}\n{OWN_MAKEFILE}"):
        (probe.root / "Makefile").write_text(f"{text}\n")
        for words, answer in (
            ([], "theirs\n"),
            (["lint"], "their lint\n"),
            (["format"], "their format\n"),
        ):
            done = probe.make(*words)
            assert (done.returncode, done.stdout, done.stderr) == (0, answer, "")
        assert told(probe.make("progress"))["argv"] == ["inv", "progress"]
        assert probe.make("all", "test-async").returncode == 0


def test_plain_make_lists_the_targets_where_init_wrote_the_makefile(probe: Repository) -> None:
    done = probe.make()
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines()]
    assert listed[:2] == ["test", "test-async"]


@pytest.mark.parametrize(
    ("own", "active", "taken"),
    [
        ("has walkaway", False, ".venv"),
        ("has walkaway", True, ".venv"),
        ("lacks walkaway", False, ".venv"),
        ("lacks walkaway", True, "active one"),
        ("", True, "active one"),
        ("", False, "python3"),
    ],
)
def test_make_takes_the_projects_own_python_then_the_active_one(
    probe: Repository,
    own: str,
    active: bool,  # noqa: FBT001 - a row of the table above
    taken: str,
) -> None:
    for name in [*([".venv"] if own else []), "active one", "python3"]:
        folder = probe.root / name / "bin"
        folder.mkdir(parents=True)
        python = folder / ("python3" if name == "python3" else "python")
        asked = f'[ "$1" != -c ] || exit {int(own == "lacks walkaway")}'
        python.write_text(f'#!/bin/sh\n{asked}\necho {shlex.quote(name)} "$@"\n')
        python.chmod(0o755)
    env = {"PATH": f"{probe.root}/python3/bin:{os.environ['PATH']}"}
    if active:
        env["VIRTUAL_ENV"] = str(probe.root / "active one")
    done = probe.run("make", "runs", **env)
    assert done.stdout == f"{taken} -m walkaway make runs\n"


# The collection, whole and singly


def test_a_project_adds_its_own_tasks_to_ns(checkout: Repository) -> None:
    (checkout.root / "tasks.py").write_text(
        f"from walkaway import ns\n\n{OWN_TASKS}\n\nns.add_task(deploy)\n"
    )
    assert checkout.inv("deploy") == "deployed\n"
    listed = checkout.inv("--list")
    for name in ("deploy", "test-async", "rotate-logs", "status"):
        assert re.search(rf"\b{name}\b", listed)


@pytest.mark.parametrize("asked", ["", "1"])
def test_what_the_collection_imports_is_compiled_once_unless_python_is_told_not_to(
    checkout: Repository, tmp_path: Path, asked: str
) -> None:
    cache = tmp_path / "cache"
    env = {"PYTHONPYCACHEPREFIX": str(cache), "PYTHONDONTWRITEBYTECODE": asked}
    (checkout.root / "tasks.py").write_text("from walkaway import ns\n")
    done = checkout.run(checkout.python, "-m", "invoke", "--list", **env)
    assert done.returncode == 0, done.stderr
    ours = cache / str(REPOSITORY).lstrip("/") / "walkaway"
    assert bool(list(ours.glob("tasks/invoke_adapter.*.pyc"))) is not bool(asked)


def test_groups_are_taken_singly_and_flat(checkout: Repository) -> None:
    (checkout.root / "tasks.py").write_text(
        "from walkaway.tasks.groups import compose, run, upkeep\n\nns = compose(run, upkeep)\n"
    )
    listed = checkout.inv("--list")
    assert "test-async" in listed
    assert "rotate-logs" in listed
    assert not re.search(r"^  (lint|flaky|check)\b", listed, re.MULTILINE)
    assert checkout.inv("runs").startswith("no runs here yet")


@pytest.mark.parametrize(
    ("tasks", "word"),
    [
        ("from walkaway.tasks.groups import upkeep as ns\n", "rotate-logs"),
        (
            "from walkaway.tasks.groups import compose, upkeep\n"  # noqa: ISC004 - one text
            "ns = compose()\nns.add_collection(upkeep)\n",
            "upkeep.rotate-logs",
        ),
    ],
    ids=["alone", "under its name"],
)
def test_a_group_works_alone_and_under_its_name(
    checkout: Repository, tasks: str, word: str
) -> None:
    (checkout.root / "tasks.py").write_text(tasks)
    assert checkout.inv(word).startswith("nothing to delete")


def test_composing_does_not_change_what_others_got() -> None:
    from walkaway import ns
    from walkaway.tasks import groups

    mine = groups.compose(groups.run)
    mine.add_task(groups.upkeep["rotate-logs"], name="mine")
    assert "mine" not in ns.task_names
    every = (groups.run, groups.environment, groups.upkeep, groups.hunt, groups.quality)
    assert set(groups.compose(*every).task_names) == set(ns.task_names)


def test_the_wheel_holds_all_that_the_collection_needs(installed: Path) -> None:
    code = "import walkaway, pathlib; print(pathlib.Path(walkaway.__file__).parent)"
    done = subprocess.run(
        [installed, "-c", code], env=clean_environ(), cwd="/", capture_output=True, check=True
    )
    there = Path(os.fsdecode(done.stdout.strip()))
    assert "site-packages" in there.parts
    mine = REPOSITORY / "walkaway"
    # pytest's cached modules are `x.pyc` and, while one is written, `x.pyc.PID`.
    files = {
        p.relative_to(mine) for p in mine.rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }
    assert {p.relative_to(there) for p in there.rglob("*") if p.is_file()} >= files
