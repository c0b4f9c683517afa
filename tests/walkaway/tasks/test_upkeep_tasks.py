"""`inv rotate-logs` and `inv compile-deps` as a user meets them: lines, JSON, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.support import warm
from tests.walkaway.support.project import INV
from tests.walkaway.support.scratch import clean_environ
from tests.walkaway.support.waiting import wait_for
from tests.walkaway.support.wheels import build_wheel
from tests.walkaway.upkeep.records import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Inv:
    """Invoke in a scratch repository that has three lines of tasks.py."""

    root: Path
    environ: dict[str, str]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return warm.run((*INV, *words), cwd=self.root, env=self.environ, timeout=120)

    def lines(self, *words: str, code: int = 0) -> list[str]:
        done = self(*words)
        assert done.returncode == code, done.stdout + done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()

    def json(self, *words: str, code: int = 0) -> dict[str, Any]:
        (line,) = self.lines(*words, "--json", code=code)
        data: dict[str, Any] = json.loads(line)
        assert data["walkaway"] == 1
        assert data["code"] == code
        return data


@pytest.fixture
def inv(tmp_path: Path) -> Inv:
    root = tmp_path / "a project"
    root.mkdir()
    (root / "tasks.py").write_text("from walkaway import ns\n\n__all__ = ['ns']\n")
    for name, version in (("alpha", "1.0"), ("alpha", "2.0")):
        build_wheel(tmp_path / "wheels", name, version)
    mine = {k: v for k, v in clean_environ().items() if not k.startswith("UV_")}
    return Inv(
        root,
        mine
        | {
            "PYTHONPATH": str(REPOSITORY),
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(tmp_path / "wheels"),
            "UV_CACHE_DIR": str(tmp_path / "cache"),
        },
    )


@pytest.fixture
def folder(inv: Inv) -> Iterator[Folder]:
    made = Folder(inv.root)
    yield made
    made.close()


# rotate-logs


def test_a_dry_run_prints_the_plan_that_is_then_carried_out(inv: Inv, folder: Folder) -> None:
    runs = [folder.finished(days) for days in (1, 2, 20, 30)]
    (folder.path / "notes.txt").touch()
    shown = inv.lines("rotate-logs", "--dry-run", "--keep", "1")
    assert folder.ids() == set(runs)
    done = inv.lines("rotate-logs", "--keep", "1")
    assert folder.ids() == set(runs[:2])
    assert shown[:-1] == done[:-1]
    assert shown[0].startswith("to delete: 2 of 4 runs in logs/tests/pytest, ")
    assert shown[1].startswith(f"  {runs[2]}  20 d old, number 3 from the newest  ")
    assert shown[3] == "kept: the newest 1, 1 not older than 7 days, 1 foreign file"
    assert shown[-1] == "dry run, nothing was deleted. next: inv rotate-logs --days 7 --keep 1"
    assert done[-1].startswith("deleted 2 runs, ")
    assert done[-1].endswith(" freed. next: inv runs")


def test_nothing_to_delete_says_why_and_how(inv: Inv, folder: Folder) -> None:
    assert inv.lines("rotate-logs") == [
        "nothing to delete: 0 runs in logs/tests/pytest",
        "next: inv test-async",
    ]
    assert not (inv.root / "logs").exists()
    for n in range(12):
        folder.finished(n / 10)
    for words in (["rotate-logs"], ["rotate-logs", "--dry-run"]):
        assert inv.lines(*words) == [
            "nothing to delete: 12 runs in logs/tests/pytest",
            "kept: the newest 10, 2 not older than 7 days",
            "by number alone: inv rotate-logs --dry-run --days 0 --keep 10",
        ]
    assert inv.lines("rotate-logs", "--days", "0", "--keep", "12")[-1] == "next: inv runs"


def test_what_is_kept_against_the_rule_is_named(inv: Inv, folder: Folder) -> None:
    live, torn, away = folder.dead(90), folder.finished(91), folder.dead(92, host="moon pid:[1]")
    folder.finished(93, hunt="20260101-000000-0000")
    folder.hold(live, "supervisor.lock")
    (folder.path / f"test-run-{torn}" / "run.json").unlink()
    assert inv.lines("rotate-logs", "--days", "0", "--keep", "0") == [
        "nothing to delete: 4 runs in logs/tests/pytest",
        "kept: 1 attempt of running hunts",
        f"kept: {live}  running",
        f"kept: {torn}  its run.json cannot be read",
        f"kept: {away}  no verdict, started on moon",
        "next: inv runs",
    ]


REFUSED = """\
import errno, os
from walkaway.upkeep import prune

def refused(fd, name):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)

prune._remove_tree = refused
"""
"""Nothing else stops root."""


def test_what_could_not_be_deleted_is_named_and_is_no_success(
    inv: Inv, folder: Folder, tmp_path: Path
) -> None:
    run = folder.finished(30)
    (tmp_path / "sitecustomize.py").write_text(REFUSED)
    inv.environ["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    lines = inv.lines("rotate-logs", "--keep", "0", code=1)
    assert any(run in line and "Permission denied" in line for line in lines)


def test_rotation_as_json_lists_everything(inv: Inv, folder: Folder) -> None:
    runs = [folder.finished(days) for days in (1, 20)]
    gone = folder.path / f".gone-{folder.id(50)}"
    gone.mkdir()
    words = ("rotate-logs", "--keep", "0")
    shown, done = inv.json(*words, "--dry-run"), inv.json(*words)
    for key in ("delete", "leftovers", "kept", "foreign", "bytes", "days", "keep", "folder"):
        assert shown[key] == done[key] or key == "delete"
    assert (shown["dry_run"], done["dry_run"]) == (True, False)
    assert [row["id"] for row in done["delete"]] == [runs[1]]
    assert done["kept"] == [{"id": runs[0], "why": "young", "note": ""}]
    assert sorted(done["deleted"]) == sorted([gone.name, runs[1]])
    assert done["freed_bytes"] == done["bytes"] > 0
    assert inv.json(*words)["delete"] == []


def test_a_run_under_way_is_not_touched_and_ends_with_its_verdict(inv: Inv) -> None:
    (inv.root / "test_door.py").write_text(
        "import pathlib, time\n\n\n"
        "def test_door():\n"
        "    end = time.monotonic() + 60\n"
        "    while not pathlib.Path('open').exists():\n"
        "        assert time.monotonic() < end\n"
        "        time.sleep(0.01)\n"
    )
    everything = ("rotate-logs", "--days", "0", "--keep", "0")
    (started,) = inv.lines("test-async", "--json")
    run_id = json.loads(started)["run"]["id"]
    try:
        assert inv.lines(*everything)[:2] == [
            "nothing to delete: 1 run in logs/tests/pytest",
            f"kept: {run_id}  running",
        ]
    finally:
        (inv.root / "open").touch()
    assert inv.lines("wait", "--timeout", "100")[0].startswith("PASSED")
    wait_for(lambda: run_id in inv.json(*everything)["deleted"], "the supervisor to leave")
    assert sorted(path.name for path in (inv.root / "logs/tests/pytest").iterdir()) == [
        ".gitignore",
        ".start.lock",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["--days", "week"],
        ["--days", "-1"],
        ["--days", "nan"],
        ["--days", "1e99"],
        ["--days", ""],
        ["--keep", "-1"],
        ["--keep", "1.5"],
        ["--keep", "all"],
    ],
)
def test_wrong_numbers_delete_nothing(inv: Inv, folder: Folder, words: list[str]) -> None:
    folder.finished(99)
    done = inv("rotate-logs", f"{words[0]}={words[1]}")
    assert (done.returncode, done.stdout) == (64, "")
    assert len(done.stderr.splitlines()) == 1
    assert words[0] in done.stderr
    assert "Traceback" not in done.stderr
    assert len(folder.ids()) == 1


def test_a_folder_that_cannot_be_locked_is_named(inv: Inv, folder: Folder) -> None:
    folder.finished(99)
    (folder.path / ".start.lock").mkdir()
    done = inv("rotate-logs", "--keep", "0")
    assert done.returncode == 73
    assert len(done.stderr.splitlines()) == 2
    assert "Nothing can be deleted in" in done.stderr
    assert len(folder.ids()) == 1


def test_tasks_work_from_a_folder_below(inv: Inv, folder: Folder) -> None:
    folder.finished(99)
    below = inv.root / "src" / "deep"
    below.mkdir(parents=True)
    assert (
        Inv(below, inv.environ).lines("rotate-logs", "--keep", "0")[-1].startswith("deleted 1 run")
    )


# compile-deps


def test_locks_are_compiled_checked_and_upgraded(inv: Inv) -> None:
    source, lock = inv.root / "requirements.in", inv.root / "requirements.txt"
    source.write_text("alpha<2\n")
    stale = inv.lines("compile-deps", "--check", code=1)
    assert stale[0].startswith("1 of 1 lock stale: requirements.txt (")
    assert stale[1:] == ["  requirements.txt: it is not there", "next: inv compile-deps"]
    assert not lock.exists()

    written = inv.lines("compile-deps")
    assert written[0].startswith("1 of 1 lock written: requirements.txt (")
    assert written[1:] == [
        "  requirements.txt: alpha (new) -> 1.0",
        "next: git diff requirements.txt",
    ]
    fresh = inv.lines("compile-deps", "--check")
    assert fresh[0].startswith("1 lock fresh (")
    assert fresh[1] == "newer versions: inv compile-deps --upgrade"

    source.write_text("alpha\n")
    assert inv.lines("compile-deps")[0].startswith("1 lock fresh")
    upgraded = inv.lines("compile-deps", "--upgrade")
    assert upgraded[1] == "  requirements.txt: alpha 1.0 -> 2.0"
    assert lock.read_text().splitlines()[1] == "#    inv compile-deps"


def test_locks_as_json(inv: Inv) -> None:
    (inv.root / "requirements.in").write_text("alpha\n")
    stale = inv.json("compile-deps", "--check", code=1)
    assert stale["locks"][0]["standing"] == "stale"
    written = inv.json("compile-deps")
    assert written["locks"][0]["changes"] == [{"name": "alpha", "old": "", "new": "2.0"}]
    assert inv.json("compile-deps", "--check")["locks"][0]["standing"] == "fresh"


def test_a_project_without_sources_has_nothing_to_compile(inv: Inv) -> None:
    for words in (["compile-deps"], ["compile-deps", "--check"]):
        assert inv.lines(*words)[0] == "no requirements*.in here: nothing to compile"
    assert inv.json("compile-deps", "--check")["locks"] == []


def test_failures_of_compile_deps_are_three_lines_and_a_code(inv: Inv, tmp_path: Path) -> None:
    (inv.root / "requirements.in").write_text("alpha>5\n")
    both = inv("compile-deps", "--check", "--upgrade")
    assert both.returncode == 64
    impossible = inv("compile-deps")
    assert impossible.returncode == 1
    poor = Inv(inv.root, inv.environ | {"PATH": str(tmp_path), "UV_CACHE_DIR": "/dev/null/x"})
    for done in (both, impossible, poor("compile-deps")):
        assert done.returncode
        assert done.stdout == ""
        assert 1 <= len(done.stderr.splitlines()) <= 3
        assert "Traceback" not in done.stderr
        assert os.fspath(tmp_path / "wheels") not in done.stderr
