"""Equal fingerprints mean equal code under test; every kind of edit changes the fingerprint."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from walkaway.runs import source_tree

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C"}


def git(root: Path, *words: str) -> None:
    subprocess.run(
        ["git", *IDENTITY, "-c", "protocol.file.allow=always", "-C", root, *words],
        check=True, capture_output=True, env={**os.environ, **QUIET},
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two committed files."""
    root = tmp_path / "re po"
    root.mkdir()
    git(root, "init", "-q")
    (root / "a.py").write_text("one\n", encoding="utf-8")
    (root / "b \n ü.py").write_text("two\n", encoding="utf-8")
    (root / ".gitignore").write_text("logs/\n", encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    return root


def _fp(root: Path) -> str:
    found = source_tree.fingerprint(str(root)).fingerprint
    assert found
    return found


def _append(root: Path) -> None:
    with (root / "a.py").open("a", encoding="utf-8") as file:
        file.write("more\n")


def _huge(root: Path) -> None:
    with (root / "huge").open("wb") as file:
        file.truncate(1 << 40)


def _submodule(root: Path) -> None:
    other = root.parent / "other"
    subprocess.run(["git", "clone", "-q", root, other], check=True)
    git(root, "submodule", "add", "-q", str(other), "sub")


def _below(root: Path) -> None:
    (root / "d").mkdir()
    (root / "d/x").touch()


def _link_in_place(root: Path) -> None:
    (root / "a.py").unlink()
    (root / "a.py").symlink_to("b")


def _odd_name(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/\xff")).touch()


def _untracked(root: Path) -> None:
    (root / "new.py").touch()


def _renamed(root: Path) -> None:
    (root / "a.py").rename(root / "c.py")


EDITS: dict[str, Callable[[Path], None]] = {
    "edited": _append,
    "deleted": lambda root: (root / "a.py").unlink(),
    "renamed": lambda root: git(root, "mv", "a.py", "c.py"),
    "renamed unseen by git": _renamed,
    "untracked": _untracked,
    "untracked below": _below,
    "symlink": lambda root: (root / "link").symlink_to("a.py"),
    "dangling symlink": lambda root: (root / "link").symlink_to("nowhere"),
    "file became a symlink": _link_in_place,
    "huge": _huge,
    "committed": lambda root: git(root, "commit", "-q", "--allow-empty", "-m", "x"),
    "not unicode": _odd_name,
    "submodule": _submodule,
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_gives_another_fingerprint(repository: Path, edit: str) -> None:
    before = _fp(repository)
    assert _fp(repository) == before
    EDITS[edit](repository)
    after = _fp(repository)
    assert after != before
    assert _fp(repository) == after


def test_an_edit_taken_back_gives_the_first_one(repository: Path) -> None:
    before = _fp(repository)
    text = (repository / "a.py").read_bytes()
    _append(repository)
    assert _fp(repository) != before
    (repository / "a.py").write_bytes(text)
    assert _fp(repository) == before


def test_another_content_of_a_dirty_file_counts(repository: Path) -> None:
    _append(repository)
    before = _fp(repository)
    _append(repository)
    assert _fp(repository) != before


def test_every_edit_inside_a_submodule_counts(repository: Path) -> None:
    _submodule(repository)
    git(repository, "commit", "-qm", "sub")
    seen = [_fp(repository)]
    for _ in range(2):
        _append(repository / "sub")
        seen.append(_fp(repository))
    git(repository / "sub", "commit", "-qam", "more")
    seen.append(_fp(repository))
    assert len(set(seen)) == len(seen)


def test_a_pipe_is_not_opened(repository: Path, tmp_path: Path) -> None:
    os.mkfifo(repository / "pipe")
    assert _fp(repository)
    os.mkfifo(tmp_path / "pipe")
    assert _fp(tmp_path)


def test_what_tests_leave_behind_does_not_count(repository: Path) -> None:
    before = _fp(repository)
    for name in ("__pycache__/a.pyc", ".pytest_cache/v/x", "logs/tests/x", "d/.hypothesis/y"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).touch()
    assert _fp(repository) == before


def test_a_look_takes_no_lock_and_writes_nothing(repository: Path) -> None:
    (repository / "a.py").touch()
    (repository / ".git/index.lock").touch()
    index = (repository / ".git/index").read_bytes()
    assert _fp(repository)
    assert (repository / ".git/index").read_bytes() == index


def test_a_folder_of_a_repository_sees_the_whole(repository: Path) -> None:
    (repository / "sub").mkdir()
    (repository / "sub/x").touch()
    before = _fp(repository / "sub")
    _append(repository)
    assert _fp(repository / "sub") != before
    assert "a.py" in source_tree.fingerprint(str(repository / "sub")).dirty


def test_without_git_every_file_counts(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one", encoding="utf-8")
    (tmp_path / "logs").mkdir()
    before = _fp(tmp_path)
    (tmp_path / "logs/x").touch()
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv/pyvenv.cfg").touch()
    assert _fp(tmp_path) == before
    (tmp_path / "b.py").symlink_to("nowhere")
    with_link = _fp(tmp_path)
    assert with_link != before
    (tmp_path / "b.py").unlink()
    (tmp_path / "a.py").write_text("other", encoding="utf-8")
    assert _fp(tmp_path) not in {before, with_link}


def test_too_many_files_without_git_cannot_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_tree, "_MOST_FILES", 3)
    for n in range(5):
        (tmp_path / str(n)).touch()
    assert source_tree.fingerprint(str(tmp_path)).fingerprint == ""


@pytest.mark.parametrize("git_s", [True, False], ids=["git", "no git"])
def test_an_edit_in_a_span_of_time_is_noticed(
    repository: Path,
    tmp_path: Path,
    git_s: bool,  # noqa: FBT001
) -> None:
    root = repository if git_s else tmp_path / "plain"
    root.mkdir(exist_ok=True)
    (root / "a.py").write_text("edited", encoding="utf-8")
    changed = (root / "a.py").stat().st_ctime
    found = source_tree.fingerprint(str(root))
    assert source_tree.edited_between(str(root), found, changed - 5, changed + 5)
    assert not source_tree.edited_between(str(root), found, changed + 1, changed + 5)
    assert not source_tree.edited_between(str(root), found, changed - 5, changed - 1)
    (root / "a.py").unlink()
    gone = source_tree.fingerprint(str(root))
    if git_s:
        now = time.time()
        assert source_tree.edited_between(str(root), gone, now - 5, now + 5)
