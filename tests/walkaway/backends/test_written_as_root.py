"""What a service without `user:` writes as root below logs/tests becomes the checkout's user's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.backends.gated import GATED, at_gate, gated, open_gate
from tests.walkaway.support.scratch import clean_environ
from walkaway.environment import ownership

if TYPE_CHECKING:
    from pathlib import Path

    from tests.walkaway.support.project import Project

__all__ = ["gated"]

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="gives a record to another user: only root may"),
]

AS_USER = "${WALKAWAY_UID:-1000}:${WALKAWAY_GID:-1000}"
USER = 1234
WRITES = """
    import pathlib
    folder = pathlib.Path("/walkaway/record/made/by")
    folder.mkdir(parents=True, mode=0o700)
    (folder / "root").write_text("x")
    (folder / "away").symlink_to("/app/tests/test_it.py")
    (folder / "linked").symlink_to("/walkaway/cache")
"""


def everything(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


def test_what_root_wrote_belongs_to_the_records_owner(gated: Project) -> None:
    compose = gated.root / "docker-compose.yml"
    text = compose.read_text(encoding="utf-8")
    gated.write("docker-compose.yml", text.replace(AS_USER, "0:0"))
    gated.write("tests/test_it.py", GATED + WRITES)
    gated.write("pytest.ini", "[pytest]\naddopts = -p no:randomly\n")  # with its cache
    live, _ = at_gate(gated)
    tests = gated.root / "logs" / "tests"
    for path in everything(tests):
        os.chown(path, USER, USER, follow_symlinks=False)
    outside = gated.write("logs/mine", "")
    open_gate(gated)
    assert live.outcome()["outcome"] == "passed"
    strangers = [path for path in everything(tests) if path.lstat().st_uid != USER]
    # The supervisor is root here, and goes on writing after its containers are gone.
    assert [path.name for path in strangers] in ([], ["supervisor.jsonl"]), strangers
    assert (live.folder / "made/by/root").lstat().st_gid == USER
    assert (tests / "pytest/.cache/pytest").is_dir()
    for path in (outside, gated.root / "tests/test_it.py"):
        assert path.stat().st_uid == 0, path


def test_without_anything_of_roots_no_container_is_made(tmp_path: Path) -> None:
    (tmp_path / "logs/tests").mkdir(parents=True)
    (tmp_path / "logs/tests/file").touch()
    os.chown(tmp_path / "logs/tests/file", USER, USER)
    nowhere = {**clean_environ(), "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    assert ownership.give_back(tmp_path, "x", "nothing", (USER, USER), nowhere)
    (tmp_path / "logs/tests/of-root").touch()
    assert not ownership.give_back(tmp_path, "x", "nothing", (USER, USER), nowhere)
    assert ownership.give_back(tmp_path, "x", "nothing", (0, 0), nowhere)
