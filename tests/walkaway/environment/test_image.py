"""Images are built when something in them may have changed, and only then."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.composed import IMAGE, TEST, WELL, compose_file, composed
from tests.walkaway.support.engine import docker
from tests.walkaway.support.scratch import clean_environ
from walkaway.environment import image
from walkaway.environment.project import Project as Named
from walkaway.errors import WalkawayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.walkaway.support.project import Project

WITH_ARGUMENT = compose_file().replace("build: .", "build: {context: ., args: [A=1]}")
pytestmark = pytest.mark.engine


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with composed(tmp_path / "a project") as project:
        yield project


@pytest.fixture
def log(tmp_path: Path) -> Iterator[int]:
    """Where the builds print."""
    fd = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def ensure(project: Project, log: int, *, pull: bool = False, no_cache: bool = False
           ) -> image.Built:  # fmt: skip
    return image.ensure(Named(project.root), clean_environ(), no_cache=no_cache, pull=pull, out=log)


def printed(log: int) -> str:
    return os.pread(log, 1 << 20, 0).decode()


def test_what_is_unchanged_is_built_once(project: Project, log: int) -> None:
    begun: list[object] = []
    named = Named(project.root)
    first = image.ensure(named, clean_environ(), out=log, starting=begun.append)
    assert first.changed
    assert first.image == named.image
    assert docker("image", "inspect", "-f", "{{.Id}}", first.image).stdout.strip() == first.image_id
    size = len(printed(log))
    assert size
    second = image.ensure(named, clean_environ(), out=log, starting=begun.append)
    assert not second.changed
    assert second.image_id == first.image_id
    assert len(printed(log)) == size
    assert begun == [["test"]]


@pytest.mark.parametrize(
    "change",
    [
        lambda project: project.write("tests/test_more.py", ""),
        lambda project: project.write("Dockerfile", f"FROM {IMAGE}\nRUN true\n"),
        lambda project: project.write(".dockerignore", "tests\n"),
        lambda project: docker("image", "rm", "--force", Named(project.root).image),
        lambda project: docker("tag", IMAGE, Named(project.root).image),
        lambda project: project.write("docker-compose.yml", WITH_ARGUMENT),
    ],
    ids=["file", "Dockerfile", "rules", "image gone", "tag moved", "build argument"],
)  # fmt: skip
def test_whatever_may_change_the_image_builds_it(
    project: Project, log: int, change: Callable[[Project], object]
) -> None:
    ensure(project, log)
    change(project)
    assert ensure(project, log).changed
    assert not ensure(project, log).changed


def test_it_is_built_on_demand_though_unchanged(project: Project, log: int) -> None:
    ensure(project, log)
    assert ensure(project, log, no_cache=True).changed
    assert not ensure(project, log).changed


def exists(image_id: str) -> bool:
    return docker("image", "inspect", image_id, check=False).returncode == 0


def test_the_image_that_is_replaced_goes_unless_somebody_has_a_use_for_it(
    project: Project, log: int
) -> None:
    first = ensure(project, log).image_id
    tag = f"{Named(project.root).image}-kept"
    docker("tag", first, tag)
    project.write("tests/test_more.py", "")
    second = ensure(project, log).image_id
    assert exists(first)
    project.write("tests/test_more.py", "# more\n")
    third = ensure(project, log).image_id
    assert not exists(second)
    assert docker("image", "inspect", "-f", "{{.Id}}", tag).stdout.strip() == first
    assert exists(third)


def test_a_newer_base_is_looked_for_on_demand(project: Project, log: int) -> None:
    project.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")  # needs no registry
    ensure(project, log)
    assert ensure(project, log, pull=True).changed


def test_a_run_changes_nothing_of_it(project: Project, log: int) -> None:
    project.write(".dockerignore", "")  # all is sent, what a run writes too
    ensure(project, log)
    project.ended()
    assert not ensure(project, log).changed


def test_services_with_the_same_image_are_one_build(project: Project, log: int) -> None:
    ours = "    image: ${WALKAWAY_TEST_IMAGE:-x}\n    build: .\n"
    other = "    build: {context: ., target: other}\n"
    project.write("Dockerfile", f"FROM {IMAGE} AS other\nFROM {IMAGE}\nCOPY . /app\n")
    text = compose_file("web", "api", "db", web=ours, api=other, db=WELL)
    project.write("docker-compose.yml", text)
    assert ensure(project, log).services == ("test", "api")
    assert not ensure(project, log).changed


def test_only_what_the_tests_need_is_built_for_a_run(project: Project, log: int) -> None:
    project.write("docker-compose.yml", compose_file(api="    build: .\n"))
    assert ensure(project, log).services == ("test",)
    whole = image.ensure(Named(project.root), clean_environ(), everything=True, out=log)
    assert whole.services == ("test", "api")


def test_without_a_build_nothing_is_done(project: Project, log: int) -> None:
    service = TEST.replace("${WALKAWAY_TEST_IMAGE:-x}", IMAGE).replace("    build: .\n", "")
    project.write("docker-compose.yml", f"services:\n{service}")
    built = ensure(project, log)
    assert (built.changed, built.services, built.image) == (False, (), IMAGE)
    assert not printed(log)


def test_a_failed_build_says_which_step_and_why(project: Project, log: int) -> None:
    project.write("Dockerfile", f"FROM {IMAGE}\nRUN echo told && ls /nowhere\n")
    with pytest.raises(WalkawayError) as caught:
        ensure(project, log)
    assert caught.value.code == 69
    first, step, after = caught.value.message.splitlines()
    assert first.startswith("The image cannot be built: failed to solve: process ")
    assert "RUN echo told" in step
    assert after.endswith("then run again: inv build")
    assert "told" in printed(log)
    project.write("Dockerfile", f"FROM {IMAGE}\n")
    assert ensure(project, log).changed


def test_a_base_image_that_cannot_be_had_is_named(project: Project, log: int) -> None:
    project.write("Dockerfile", "FROM localhost:1/nowhere:1\n")
    with pytest.raises(WalkawayError) as caught:
        ensure(project, log)
    assert caught.value.code == 69
    assert "localhost:1/nowhere:1" in caught.value.message.splitlines()[0]


def test_a_large_context_is_told_with_its_culprit(project: Project, log: int) -> None:
    with (project.root / "video.mp4").open("wb") as file:
        file.truncate(image.LARGE_BYTES + 1)
    project.write("Dockerfile", f"FROM {IMAGE}\nCOPY Dockerfile /\n")
    (warning,) = ensure(project, log).warnings
    assert "52 MB of it video.mp4" in warning
    assert warning.endswith("add the line video.mp4 to .dockerignore")
    project.write(".dockerignore", "video.mp4\n")
    assert not ensure(project, log).warnings


def test_of_two_at_once_one_builds_and_the_other_finds_it_built(
    project: Project, tmp_path: Path
) -> None:
    found: list[image.Built] = []

    def build(name: str) -> None:
        with (tmp_path / name).open("wb") as file:
            found.append(ensure(project, file.fileno()))

    threads = [threading.Thread(target=build, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(built.changed for built in found) == [False, True]
    assert len({built.image_id for built in found}) == 1
