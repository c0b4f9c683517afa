"""Changes since a run ended: named, counted, committed, or not known in time."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.walkaway.views import samples
from walkaway.model.run_view import SinceEnd, TreeState
from walkaway.record.store import Record
from walkaway.runs import changes, source_tree

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A source tree, and the record of a run that ended in it."""

    root: Path
    record: Record

    def git(self, *words: str) -> None:
        subprocess.run(["git", *IDENTITY, "-C", self.root, *words], check=True, capture_output=True)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def end_of_run(self) -> None:
        """Keep the tree as the supervisor does."""
        found = source_tree.fingerprint(str(self.root))
        self.record.path("tree.json").write_text(json.dumps(found), encoding="utf-8")

    def since(self) -> SinceEnd:
        return changes.since_end(self.record, self.root, samples.ENDINGS["passed"])

    def changed(self) -> tuple[TreeState, int | None, tuple[str, ...]]:
        found = self.since()
        return found.tree, found.nchanged, found.changed


SAME = (TreeState.SAME, 0, ())


def paths(*names: str) -> tuple[TreeState, int, tuple[str, ...]]:
    return TreeState.CHANGED, len(names), names


@pytest.fixture
def plain(tmp_path: Path) -> Checkout:
    """A tree without git."""
    made = Checkout(tmp_path / "a tree", Record(tmp_path / "record"))
    made.record.folder.mkdir()
    for name in ("app/a.py", "app/b.py", "tests/test_a.py"):
        made.write(name, "one\n")
    return made


@pytest.fixture
def repository(plain: Checkout) -> Checkout:
    """A repository with all of it committed."""
    plain.git("init", "-q")
    plain.git("add", "-A")
    plain.git("commit", "-qm", "all")
    return plain


def test_an_edit_a_new_and_a_deleted_file_are_named(repository: Checkout) -> None:
    repository.write("app/b.py", "edited before\n")
    repository.end_of_run()
    assert repository.changed() == SAME
    repository.write("app/a.py", "edited\n")
    assert repository.changed() == paths("app/a.py")
    repository.write("app/b.py", "edited again\n")
    repository.write("new.py", "")
    (repository.root / "tests/test_a.py").unlink()
    assert repository.changed() == paths("app/a.py", "app/b.py", "new.py", "tests/test_a.py")


def test_what_is_put_back_is_no_change(repository: Checkout) -> None:
    repository.end_of_run()
    repository.write("app/a.py", "edited\n")
    repository.write("app/a.py", "one\n")
    os.utime(repository.root / "app/b.py", (1, 1))
    assert repository.changed() == SAME


def test_what_was_tested_and_then_committed_is_no_change(repository: Checkout) -> None:
    repository.write("app/a.py", "tested\n")
    repository.write("new.py", "tested\n")
    repository.write("left.py", "tested\n")
    (repository.root / "app/b.py").unlink()
    repository.end_of_run()
    repository.git("add", "app", "new.py")
    repository.git("commit", "-qm", "what was tested")
    os.utime(repository.root / "tests/test_a.py", (1, 1))
    assert repository.changed() == SAME
    repository.write("new.py", "not tested\n")
    assert repository.changed() == paths("new.py")
    repository.git("commit", "-qam", "what was not")
    assert repository.changed() == paths("new.py")


def test_another_commit_is_a_change_of_its_files(repository: Checkout) -> None:
    repository.write("app/a.py", "two\n")
    repository.git("commit", "-qam", "two")
    repository.end_of_run()
    repository.git("checkout", "-q", "HEAD~1")
    assert repository.changed() == paths("app/a.py")


def test_a_commit_that_is_gone_is_a_change_without_names(repository: Checkout) -> None:
    found = source_tree.fingerprint(str(repository.root))._replace(
        head="0123456789ab", fingerprint="x"
    )
    repository.record.path("tree.json").write_text(json.dumps(found), encoding="utf-8")
    assert repository.changed() == (TreeState.CHANGED, None, ())


def test_without_git_size_and_time_tell(plain: Checkout) -> None:
    plain.end_of_run()
    assert plain.changed() == SAME
    plain.write("app/a.py", "edited\n")
    plain.write("logs/x.log", "no source")
    assert plain.changed() == paths("app/a.py")


@pytest.mark.parametrize("content", ["", '["1a2b", "HE', "[1, 2, 3]", "{}", '["", "", {}]'])
def test_a_record_that_holds_no_tree_says_so(repository: Checkout, content: str) -> None:
    path = repository.record.path("tree.json")
    path.write_text(content, encoding="utf-8")
    assert repository.changed() == (TreeState.UNKNOWN, None, ())
    path.unlink()
    assert repository.changed() == (TreeState.UNKNOWN, None, ())


def test_a_record_of_the_version_before_tells_whether_it_changed(repository: Checkout) -> None:
    event = {"e": "tree", "t": 0.1, "fp": source_tree.fingerprint(str(repository.root)).fingerprint}
    repository.record.path("supervisor.jsonl").write_text(json.dumps(event) + "\n")
    assert repository.changed() == SAME
    repository.write("app/a.py", "edited\n")
    assert repository.changed() == (TreeState.CHANGED, None, ())


def test_a_git_that_does_not_answer_in_time_is_not_waited_for(
    repository: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository.end_of_run()
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    monkeypatch.setattr(changes, "_LIMIT_S", 0.1)
    assert repository.changed() == (TreeState.UNKNOWN, None, ())


def test_many_untracked_files_are_given_up_in_time(
    repository: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.end_of_run()
    repository.write("app/a.py", "edited\n")

    def slow(*_: object) -> str:
        time.sleep(0.2)
        return "mark"

    monkeypatch.setattr(source_tree, "_mark", slow)
    monkeypatch.setattr(changes, "_LIMIT_S", 0.1)
    for n in range(3):
        repository.write(f"new{n}.py", "")
    assert repository.since().tree is TreeState.UNKNOWN
