"""What a build context holds: the rules of .dockerignore, its fingerprint, what makes it large."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from walkaway.environment import context, ignore

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    "a.txt", "b.log", "Dockerfile", "x.y/z", ".hidden", "dir/a.txt", "dir/b.log", "dir/keep/a.txt",
    "dir/keep/deep/b.log", "dir/other/a.txt", "other/a.txt", "other/dir/a.txt", "a+b(c)", "[x]",
    "logs/tests/pytest/run.log", "pkg/__pycache__/m.pyc", "pkg/m.py", "sp ace/a.txt", "ab/c",
    "abc/d", "mydir/a.txt",
)  # fmt: skip
RULES = (
    "",
    "# nothing\n\n   \n",
    "*",
    "*\n!dir",
    "*\n!dir\ndir/b.log",
    "*\n!dir/keep",
    "dir\n!dir/keep/a.txt",
    "dir\n!dir/keep\ndir/keep/deep",
    "!dir/keep\ndir",
    "*.log",
    "**/*.log",
    "**/a.txt\n!other/**/a.txt",
    "**\n!**/keep",
    "**\n!**/keep/**",
    "/dir",
    "dir/",
    "./dir//keep/../other",
    "*/a.txt",
    "*/*/a.txt",
    "**/dir",
    "**/__pycache__\n**/.*",
    "dir/**",
    "dir/**/b.log",
    "**b.log",
    "**/keep/**/*.log",
    "?.txt",
    "[ab].txt",
    "[^a].log",
    "x.y",
    "x?y",
    "a+b(c)",
    "\\[x\\]",
    "sp ace/a.txt",
    "  b.log  ",
    " # b.log",
    "! dir\n*",
    "a*\n!ab*",
    "*\n!a*\nabc",
    "other\n!other/*/a.txt",
    "\ufeffb.log",
    "..",
    "*\n!logs/tests",
)


def tree(root: Path) -> Path:
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (root / "link").symlink_to("dir")
    (root / "dangling").symlink_to("nowhere")
    (root / "empty").mkdir()
    return root


def ours(root: Path) -> set[str]:
    """Return the files that our rules send, folders aside: those are made on the way."""
    rules = ignore.parse((root / ".dockerignore").read_text())
    found = set()

    def enter(folder: str, inherited: int) -> None:
        for entry in os.scandir(root / folder):
            path = f"{folder}/{entry.name}".lstrip("/")
            index = rules.last_match(path, inherited)
            kept = not rules.excludes(index)
            if entry.is_dir(follow_symlinks=False):
                if kept or rules.may_return(path, index):
                    enter(path, index)
            elif kept:
                found.add(path)

    enter("", -1)
    return found


@pytest.mark.engine
@pytest.mark.parametrize("text", RULES)
def test_the_files_that_count_are_those_that_docker_sends(tmp_path: Path, text: str) -> None:
    root = tree(tmp_path / "context")
    (root / ".dockerignore").write_text(text, encoding="utf-8")
    target = tmp_path / "sent"
    done = subprocess.run(
        ["docker", "build", "--quiet", "--output", f"type=local,dest={target}", str(root)],
        env={**os.environ, "DOCKER_BUILDKIT": "1"}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sent = {
        os.path.relpath(os.path.join(folder, name), target)  # noqa: PTH118 - as os.walk gives them
        for folder, folders, files in os.walk(target)
        for name in (*files, *(f for f in folders if os.path.islink(os.path.join(folder, f))))  # noqa: PTH114, PTH118
    }
    assert ours(root) == sent
    assert context.read(root, root / "Dockerfile").files == len(sent)


def digest(root: Path) -> str:
    return context.read(root, root / "Dockerfile").digest


def test_nothing_changed_is_the_same_fingerprint(tmp_path: Path) -> None:
    root = tree(tmp_path)
    assert digest(root) == digest(root)


@pytest.mark.parametrize(
    "edit",
    [
        lambda root: (root / "dir/a.txt").write_text("dir/A.txt"),
        lambda root: (root / "dir/new").write_text(""),
        lambda root: (root / "dir/a.txt").unlink(),
        lambda root: (root / "dir/a.txt").chmod(0o755),
        lambda root: (root / "dir").chmod(0o700),
        lambda root: (root / "dir/a.txt").rename(root / "dir/c.txt"),
        lambda root: (root / "empty").rmdir(),
        lambda root: (root / ".dockerignore").write_text("other"),
        lambda root: (root / "Dockerfile.dockerignore").write_text("other"),
    ],
    ids=["written", "new", "gone", "mode", "folder's mode", "renamed", "empty folder gone", "rules",
         "own rules"],
)  # fmt: skip
def test_every_change_of_what_is_sent_changes_the_fingerprint(tmp_path: Path, edit: object) -> None:
    root = tree(tmp_path)
    before = digest(root)
    assert callable(edit)
    edit(root)
    assert digest(root) != before


def test_contents_with_the_old_size_and_time_are_a_change(tmp_path: Path) -> None:
    root = tree(tmp_path)
    path = root / "dir/a.txt"
    before, times = digest(root), path.stat()
    path.write_text("x" * times.st_size)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert digest(root) != before


def test_another_target_of_a_link_is_a_change(tmp_path: Path) -> None:
    root = tree(tmp_path)
    before = digest(root)
    (root / "link").unlink()
    (root / "link").symlink_to("other")
    assert digest(root) != before


def test_what_is_not_sent_does_not_matter(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / ".dockerignore").write_text("dir\n!dir/keep\n")
    before = digest(root)
    (root / "dir/a.txt").write_text("other")
    (root / "dir/other/new").mkdir()
    assert digest(root) == before
    (root / "dir/keep/a.txt").write_text("other")
    assert digest(root) != before


def test_the_records_and_caches_that_every_run_writes_are_no_change(tmp_path: Path) -> None:
    root = tree(tmp_path)
    before = digest(root)
    (root / "logs/tests/pytest/run.log").write_text("more")
    (root / "pkg/__pycache__/n.pyc").write_text("")
    assert digest(root) == before


def test_rules_beside_the_dockerfile_go_before_the_common_ones(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / ".dockerignore").write_text("*")
    (root / "Dockerfile.dockerignore").write_text("")
    everything = context.read(root, root / "Dockerfile").files
    assert everything == len(FILES) + 4  # two links and two files of rules
    assert context.read(root, root / "Other").files == 0


def test_excluded_folders_are_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path)
    (root / ".dockerignore").write_text("dir\nother\n!dir/keep/a.txt\n")
    entered = []
    scandir = os.scandir

    def noted(path: str) -> os._ScandirIterator[str]:
        entered.append(os.path.relpath(path, root))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    context.read(root, root / "Dockerfile")
    assert "dir/keep" in entered
    assert not {"dir/other", "dir/keep/deep", "other", "other/dir"} & set(entered)


def test_what_cannot_be_there_is_an_empty_context(tmp_path: Path) -> None:
    found = context.read(tmp_path / "nowhere", tmp_path / "nowhere/Dockerfile")
    assert (found.files, found.size_bytes) == (0, 0)


def large(root: Path, *sizes: tuple[str, int]) -> context.Context:
    for name, size_mb in sizes:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size_mb * 1024 * 1024)
    return context.read(root, root / "Dockerfile")


def test_the_one_file_that_makes_a_context_large_is_named(tmp_path: Path) -> None:
    found = large(tmp_path, ("app/static/video.mp4", 60), ("app/code.py", 2), ("data/x", 3))
    assert found.culprits() == [("app/static/video.mp4", 60 * 1024 * 1024)]


def test_the_folder_with_most_of_it_is_named(tmp_path: Path) -> None:
    parts = [(f"node_modules/p{n}/lib", 2) for n in range(9)]
    assert large(tmp_path, *parts, ("app/x", 3)).culprits() == [("node_modules", 18 * 1024 * 1024)]


def test_without_one_that_is_most_of_it_the_largest_three_are_named(tmp_path: Path) -> None:
    found = large(tmp_path, ("a/x", 4), ("b/x", 3), ("c/x", 3), ("d/x", 2))
    assert [path for path, _ in found.culprits()] == ["a", "b", "c"]


def test_an_empty_context_has_no_culprit(tmp_path: Path) -> None:
    assert context.read(tmp_path, tmp_path / "Dockerfile").culprits() == []


def test_records_that_are_sent_count_as_large(tmp_path: Path) -> None:
    found = large(tmp_path, ("logs/tests/pytest/x.log", 60))
    assert found.culprits() == [("logs/tests/pytest/x.log", 60 * 1024 * 1024)]
