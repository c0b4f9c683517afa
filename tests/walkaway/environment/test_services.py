"""Services come up whole, or it is said which one does not and why."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.composed import IMAGE, SICK, WELL, compose_file, composed
from tests.walkaway.support.engine import docker
from tests.walkaway.support.scratch import clean_environ
from tests.walkaway.support.waiting import wait_for
from walkaway.environment import build_state, engine, project_containers, services
from walkaway.environment.project import Project as Named
from walkaway.errors import WalkawayError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.walkaway.support.project import Project

pytestmark = pytest.mark.engine
ONCE = f"    image: {IMAGE}\n    command: [sh, -c, 'echo made; exit {{}}']\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with composed(tmp_path / "a project") as project:
        yield project


@pytest.fixture
def out() -> Iterator[int]:
    fd = os.open(os.devnull, os.O_WRONLY)
    yield fd
    os.close(fd)


def warm(project: Project) -> bool:
    return services.warm(Named(project.root), clean_environ())


def up(project: Project, out: int) -> list[str]:
    return services.up(Named(project.root), clean_environ(), out=out)


def refused(project: Project, out: int) -> list[str]:
    """Bring services up that cannot be; the lines of the message."""
    with pytest.raises(WalkawayError) as caught:
        up(project, out)
    assert caught.value.code == 69
    assert not warm(project)
    return caught.value.message.splitlines()


def container(project: Project, service: str) -> project_containers.Container:
    rows = project_containers.of(Named(project.root).name, clean_environ())
    (found,) = [row for row in rows if row.service == service]
    return found


def test_what_the_tests_depend_on_comes_up_healthy(project: Project, out: int) -> None:
    text = compose_file("web", web=WELL + "    depends_on: [db]\n", db=WELL, mail=WELL)
    project.write("docker-compose.yml", text)
    assert not warm(project)
    assert up(project, out) == ["db", "web"]
    rows = project_containers.of(Named(project.root).name, clean_environ())
    assert sorted((row.service, "(healthy)" in row.status) for row in rows) == [
        ("db", True), ("web", True),
    ]  # fmt: skip
    assert warm(project)


def test_everything_is_all_but_the_tests_and_what_is_on_demand(project: Project, out: int) -> None:
    debug = WELL + "    profiles: [debug]\n"
    text = compose_file("db", db=WELL, mail=WELL, debug=debug)
    project.write("docker-compose.yml", text)
    named = Named(project.root)
    assert services.up(named, clean_environ(), everything=True, out=out) == ["db", "mail"]
    assert services.warm(named, clean_environ(), everything=True)


def test_with_nothing_to_depend_on_nothing_is_started(project: Project, out: int) -> None:
    project.write("docker-compose.yml", compose_file())
    assert up(project, out) == []
    assert warm(project)


def test_a_second_up_leaves_them_as_they_are(project: Project, out: int) -> None:
    up(project, out)
    before = container(project, "db").id
    up(project, out)
    assert container(project, "db").id == before


@pytest.mark.parametrize("change", ["stopped", "removed", "paused", "file", "image", "forgotten"])
def test_warm_is_only_what_is_well_and_of_the_current_files(
    project: Project, out: int, change: str
) -> None:
    named = Named(project.root)
    tag = f"{named.image}-db"  # removed with the project
    docker("tag", IMAGE, tag)
    project.write("docker-compose.yml", compose_file("db", db=WELL.replace(IMAGE, tag)))
    up(project, out)
    assert warm(project)
    name = container(project, "db").name
    if change == "stopped":
        docker("stop", "--time", "0", name)
    elif change == "removed":
        docker("rm", "--force", name)
    elif change == "paused":
        docker("pause", name)
    elif change == "file":
        project.write(".env", "A=1\n")
    elif change == "image":
        docker("build", "--quiet", "--tag", tag, "-", text=f"FROM {IMAGE}\nRUN true >/x\n")
    else:
        build_state.forget(project.root, "1.json")
    # The engine itself shows a container that was stopped as up for a moment, under load.
    wait_for(lambda: not warm(project), f"{change} to be seen")
    up(project, out)
    assert warm(project)


def test_a_service_that_got_unhealthy_is_made_anew(project: Project, out: int) -> None:
    sick = WELL.replace('[CMD, "true"]', '[CMD-SHELL, "test ! -e /sick"]')
    project.write("docker-compose.yml", compose_file("db", db=sick))
    up(project, out)
    before = container(project, "db")
    docker("exec", before.name, "touch", "/sick")
    wait_for(lambda: "(unhealthy)" in container(project, "db").status)
    assert not warm(project)
    up(project, out)
    assert container(project, "db").id != before.id


def test_an_unhealthy_service_is_named_with_its_health_check_and_its_log(
    project: Project, out: int
) -> None:
    text = compose_file("web", web=WELL + "    depends_on: {db: {condition: service_healthy}}\n",
                        db=SICK, cache=WELL)  # fmt: skip
    project.write("docker-compose.yml", text)
    lines = refused(project, out)
    assert lines[0] == "Service db is unhealthy."
    assert lines[1].startswith("its health check: exit 7, ")
    assert lines[2:5] == ["  no such table", "the last lines of its log:", "  the log of sick"]
    assert "inv service-logs --service db" in lines[-1]


def test_a_service_that_has_ended_is_named_with_its_exit_code(project: Project, out: int) -> None:
    project.write("docker-compose.yml", compose_file("once", "db", once=ONCE.format(3), db=WELL))
    lines = refused(project, out)
    assert lines[0] == "Service once has exited (exit 3)."
    assert lines[1:3] == ["the last lines of its log:", "  made"]


@pytest.mark.serial
def test_a_service_that_is_started_again_and_again_is_named(project: Project, out: int) -> None:
    text = compose_file("once", once=ONCE.format(3) + "    restart: always\n")
    project.write("docker-compose.yml", text)
    assert refused(project, out)[0] == "Service once keeps exiting (exit 3)."


def test_one_that_sets_something_up_and_ends_is_well(project: Project, out: int) -> None:
    project.write("docker-compose.yml", compose_file("once", "db", once=ONCE.format(0), db=WELL))
    assert up(project, out) == ["db", "once"]
    assert container(project, "once").state == "exited"
    assert warm(project)


def test_one_with_a_health_check_must_not_end(project: Project, out: int) -> None:
    once = ONCE.format(0) + "    healthcheck: {test: [CMD, 'true'], interval: 200ms}\n"
    project.write("docker-compose.yml", compose_file("once", once=once))
    assert refused(project, out)[0] == "Service once has exited (exit 0)."


def test_an_image_that_cannot_be_had_is_named(project: Project, out: int) -> None:
    text = compose_file("db", db="    image: localhost:1/nowhere:1\n")
    project.write("docker-compose.yml", text)
    first, after = refused(project, out)
    assert first.startswith("Service db has no image: localhost:1/nowhere:1 is not here and ")
    assert after.endswith("then run again: inv up")


def published(port: int) -> str:
    return WELL + f'    ports: ["127.0.0.1:{port}:8000"]\n'


def test_the_process_that_has_a_port_is_named(project: Project, out: int) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        project.write("docker-compose.yml", compose_file("db", db=published(port)))
        first = refused(project, out)[0]
        expected = f"Service db cannot use port {port}: it is taken: process {os.getpid()}: "
        assert first.startswith(expected)
    assert up(project, out) == ["db"]


def test_the_container_that_has_a_port_is_named(project: Project, out: int) -> None:
    taken = f"{Named(project.root).name}-other"
    label = f"com.docker.compose.project={Named(project.root).name}"
    docker("run", "--detach", "--init", "--name", taken, "--label", label, "--publish",
           "127.0.0.1::8000", IMAGE, "sleep", "600")  # fmt: skip
    port = int(docker("port", taken, "8000").stdout.strip().rpartition(":")[2])
    project.write("docker-compose.yml", compose_file("db", db=published(port)))
    first = refused(project, out)[0]
    assert first == f"Service db cannot use port {port}: it is taken: container {taken}"


def test_services_that_are_never_well_are_given_up(
    project: Project, out: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = WELL.replace('[CMD, "true"], interval: 200ms', "[CMD, 'false'], interval: 300s")
    project.write("docker-compose.yml", compose_file("db", db=slow))
    monkeypatch.setattr(services, "UP_S", 3.0)
    assert refused(project, out)[0] == "Service db did not become healthy in time."
    web = WELL + "    depends_on: {db: {condition: service_healthy}}\n"
    project.write("docker-compose.yml", compose_file("web", web=web, db=slow))
    assert refused(project, out)[0] == "Service db did not become healthy in time."


def test_without_an_engine_it_says_so(project: Project, out: int) -> None:
    environ = {**clean_environ(), "DOCKER_HOST": "unix:///nonexistent.sock"}
    with pytest.raises(WalkawayError) as caught:
        services.up(Named(project.root), environ, out=out)
    assert caught.value.code == 69
    assert engine.silent_because(environ)


def test_what_compose_prints_is_passed_on(project: Project, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        up(project, log.fileno())
    assert f"{Named(project.root).name}-db-1" in (tmp_path / "log").read_text()


def test_two_checkouts_have_environments_of_their_own(project: Project, out: int, tmp_path: Path
                                                      ) -> None:  # fmt: skip
    with composed(tmp_path / "another") as other:
        up(project, out)
        assert not warm(other)
        up(other, out)
        assert container(project, "db").name != container(other, "db").name
        docker("stop", "--time", "0", container(other, "db").name)
        assert warm(project)
        assert not warm(other)
