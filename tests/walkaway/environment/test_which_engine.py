"""A run stays with the engine that it was started on, whichever others mean by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walkaway.environment.project import on_engine, which_engine

if TYPE_CHECKING:
    from pathlib import Path

HOST = {"DOCKER_HOST": "tcp://there:2375"}


def home(tmp_path: Path, config: str) -> dict[str, str]:
    folder = tmp_path / ".docker"
    folder.mkdir()
    (folder / "config.json").write_text(config, encoding="utf-8")
    return {"HOME": str(tmp_path)}


def test_the_context_of_the_users_settings_is_noted(tmp_path: Path) -> None:
    environ = home(tmp_path, '{"currentContext": "vm"}')
    assert which_engine(environ) == {"DOCKER_CONTEXT": "vm"}
    assert which_engine({**environ, **HOST}) == HOST
    assert which_engine({**environ, "DOCKER_CONTEXT": "other"}) == {"DOCKER_CONTEXT": "other"}


def test_without_settings_it_is_the_default(tmp_path: Path) -> None:
    assert which_engine({"HOME": str(tmp_path)}) == {"DOCKER_CONTEXT": "default"}
    assert which_engine(home(tmp_path, "[not these")) == {"DOCKER_CONTEXT": "default"}


def test_another_engine_in_the_environment_is_replaced_whole() -> None:
    mine = {"DOCKER_CONTEXT": "default"}
    theirs = {**HOST, "DOCKER_TLS_VERIFY": "1", "PATH": "/bin"}
    assert on_engine(theirs, mine) == {**mine, "PATH": "/bin"}
    assert on_engine(theirs, {}) == theirs, "a record from before this was noted"
