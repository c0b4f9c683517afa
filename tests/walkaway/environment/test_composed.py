"""What Compose makes of its files, and when it has to be asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.scratch import clean_environ
from walkaway.environment import build_state, compose_config, engine
from walkaway.environment.compose_config import Composed, Service
from walkaway.environment.project import Project
from walkaway.errors import WalkawayError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = """\
include: [other/more.yml]
services:
  test:
    image: ${IMAGE:-x}
    env_file: [settings.txt]
    environment:
      - PASSED_ON
      - FIXED=1
    depends_on: [db]
  db:
    image: postgres:$VERSION
"""
MORE = "services:\n  more:\n    environment:\n      DEEP:\n    image: x\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "docker-compose.yml").write_text(FILE)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/more.yml").write_text(MORE)
    (tmp_path / "settings.txt").write_text("A=1\n")
    (tmp_path / ".env").write_text("VERSION=15\n")
    return Project(tmp_path)


def digest(project: Project, environ: Mapping[str, str] | None = None) -> str:
    environ = environ or {}
    return compose_config.fingerprint(project, environ, compose_config.main_files(project, environ))


def test_the_same_files_have_the_same_fingerprint(project: Project) -> None:
    assert digest(project) == digest(project)


@pytest.mark.parametrize("name", ["docker-compose.yml", "other/more.yml", "settings.txt", ".env"])
def test_a_change_of_any_file_that_is_named_counts(project: Project, name: str) -> None:
    before = digest(project)
    path = project.root / name
    path.write_text(path.read_text() + "# more\n")
    assert digest(project) != before


@pytest.mark.parametrize(
    "name", ["IMAGE", "VERSION", "PASSED_ON", "DEEP", "COMPOSE_FILE", "DOCKER_HOST"]
)
def test_a_variable_that_the_files_use_counts(project: Project, name: str) -> None:
    assert digest(project, {name: "docker-compose.yml"}) != digest(project)


def test_a_variable_that_they_do_not_use_does_not_count(project: Project) -> None:
    assert digest(project, {"FIXED": "2", "TERM": "dumb"}) == digest(project)


def test_an_override_file_that_appears_counts(project: Project) -> None:
    before = digest(project)
    (project.root / "docker-compose.override.yml").write_text("services: {}\n")
    assert digest(project) != before


def test_files_that_name_each_other_are_read_once(project: Project) -> None:
    more = project.root / "other/more.yml"
    more.write_text(f"{MORE}# ../docker-compose.yml more.yml\n")
    before = digest(project)
    more.write_text(f"{MORE}# more.yml ../docker-compose.yml\n")
    assert digest(project) != before


def test_what_is_needed_is_what_the_service_depends_on_directly_or_not() -> None:
    said = Composed(
        {
            "test": Service("test", "i", depends_on=("web",), optional=True),
            "web": Service("web", "i", depends_on=("db", "cache", "absent")),
            "db": Service("db", "i", depends_on=("web",)),
            "cache": Service("cache", "i", optional=True),
            "mail": Service("mail", "i", depends_on=("queue",)),
            "queue": Service("queue", "i", optional=True),
            "debug": Service("debug", "i", optional=True),
        },
        "",
    )
    assert said.needed("test") == ["cache", "db", "web"]
    assert said.needed("cache") == []
    assert said.whole("test") == ["cache", "db", "mail", "queue", "web"]


@pytest.mark.engine
def test_compose_is_asked_once_until_a_file_changes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    call = engine.call

    def noted(*args: object, **more: object) -> engine.Done:
        asked.append(args)
        return call(*args, **more)  # type: ignore[arg-type] # passed through

    monkeypatch.setattr(engine, "call", noted)
    environ = clean_environ()
    first = compose_config.read(project, environ)
    assert first.services["db"].image == "postgres:15"
    assert set(first.services) == {"db", "more", "test"}
    assert compose_config.read(project, environ) == first
    assert len(asked) == 1
    (project.root / ".env").write_text("VERSION=16\n")
    assert compose_config.read(project, environ).services["db"].image == "postgres:16"
    assert len(asked) == 2


@pytest.mark.engine
def test_a_builds_arguments_are_compared_and_not_kept(tmp_path: Path) -> None:
    folder = tmp_path / "a $HOME"
    folder.mkdir()
    (folder / "docker-compose.yml").write_text(
        "services: {test: {build: {context: ., args: {TOKEN: $TOKEN, FIXED: 1}}}}\n"
    )

    def build(token: str) -> dict[str, object]:
        service = compose_config.read(Project(folder), {**clean_environ(), "TOKEN": token})
        return service.services["test"].build or {}

    first = build("a-secret")
    assert first["context"] == str(folder), "not as Compose prints it, with two dollar signs"
    kept = folder / build_state.FOLDER / "1.compose.json"
    assert "a-secret" not in kept.read_text()
    assert build("another")["args"] != first["args"]
    assert build("a-secret") == first


@pytest.mark.engine
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: [", "The Compose file is invalid: "),
        ("services:\n  test: {imag: x}\n", "imag"),
        ("services:\n  test:\n    image: x\n    depends_on: [db]\n", "db"),
        ("services:\n  web: {image: x}\n", "no service 'test': it has web."),
    ],
    ids=["no YAML", "unknown key", "unknown dependency", "no test service"],
)
def test_a_wrong_compose_file_is_refused_with_what_is_wrong(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "docker-compose.yml").write_text(text)
    with pytest.raises(WalkawayError) as caught:
        compose_config.read(Project(tmp_path), clean_environ())
    assert caught.value.code == 69
    assert said in caught.value.message.splitlines()[0]


def test_without_a_compose_file_it_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(WalkawayError) as caught:
        compose_config.read(Project(tmp_path), {})
    assert caught.value.code == 69
    assert caught.value.message.startswith("There is no Compose file in ")
    assert "docker-compose.yml" in caught.value.message
