"""Documents as files: what is a path, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.kb.folder import Folder, PathError

ELSEWHERE = [
    "",
    "/etc/passwd",
    "../secret",
    "a/../../secret",
    "a//b",
    "a/./b",
    "a/",
    ".hidden",
    "a/.hidden",
    "a\\b",
    "a\0b",
    "a\nb",
    "~root",
    "x" * 101,
    "/".join("abcdefghi"),
    "ümlaut",
    "%2e%2e/secret",
]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "secret").write_text("s", "utf-8")
    (tmp_path / "root").mkdir()
    return Folder(tmp_path / "root")


@pytest.mark.security
@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_path_that_leads_elsewhere_is_refused(folder: Folder, path: str) -> None:
    for use in (folder.read, folder.remove, lambda path: folder.write(path, "x")):
        with pytest.raises(PathError):
            use(path)


@pytest.mark.security
def test_links_lead_nowhere(folder: Folder) -> None:
    (folder.root / "link").symlink_to(folder.root.parent / "secret")
    (folder.root / "up").symlink_to(folder.root.parent)
    for path in ("link", "up/secret"):
        with pytest.raises(PathError):
            folder.read(path)
    assert folder.paths() == []


def test_what_was_written_is_read(folder: Folder) -> None:
    assert folder.write("guide/first steps.md", "über\n")
    assert not folder.write("guide/first steps.md", "more\n")
    assert folder.read("guide/first steps.md") == "more\n"
    assert folder.paths() == ["guide/first steps.md"]


def test_what_is_not_there_is_none(folder: Folder) -> None:
    folder.write("guide/a.md", "x")
    assert [folder.read(path) for path in ("b.md", "guide", "guide/a.md/b")] == [None] * 3
    assert not folder.remove("guide")
    assert not folder.remove("b.md")


def test_a_document_is_no_folder_as_well(folder: Folder) -> None:
    folder.write("a/b", "x")
    for path in ("a", "a/b/c"):
        with pytest.raises(PathError, match="cannot be a folder as well"):
            folder.write(path, "x")
    assert [path.name for path in folder.root.rglob("*")] == ["a", "b"]  # nothing half written


def test_what_is_removed_is_gone(folder: Folder) -> None:
    folder.write("a", "x")
    assert folder.remove("a")
    assert list(folder.documents()) == []


def test_a_file_that_is_no_text_does_not_break_the_search(folder: Folder) -> None:
    (folder.root / "picture").write_bytes(b"\xff\xfe word")
    assert [content for _, content in folder.documents()] == ["\ufffd\ufffd word"]
