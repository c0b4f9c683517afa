"""Down means that nothing is left, and that nothing of others was touched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.composed import IMAGE, WELL, compose_file, composed, things
from tests.walkaway.support.engine import docker
from tests.walkaway.support.scratch import clean_environ
from tests.walkaway.support.waiting import wait_for
from walkaway.environment import build_state, services, teardown
from walkaway.environment.project import LABEL_RUN
from walkaway.environment.project import Project as Named
from walkaway.errors import WalkawayError
from walkaway.process import file_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.walkaway.support.project import Project

pytestmark = pytest.mark.engine
RUN_ID = "20261122-101530-7f3a"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with composed(tmp_path / "a project") as project:
        volume = WELL + "    volumes: [data:/data, /anonymous]\n"
        text = compose_file("db", db=volume) + "volumes: {data: {}}\n"
        project.write("docker-compose.yml", text)
        yield project


def named(project: Project, slot: int = 1) -> Named:
    return Named(project.root, slot)


def up(project: Project, slot: int = 1) -> None:
    with (project.root / "log").open("wb") as log:
        services.up(named(project, slot), clean_environ(), out=log.fileno())


def one_off(project: Project, slot: int = 1, run: str = "") -> str:
    """Start a container as `compose run` does: a foreign image's entrypoint, no `--rm`."""
    name = f"{named(project, slot).name}-run-{run or 'x'}"
    label = ("--label", f"{LABEL_RUN}={run}") if run else ()
    words = ("run", "--detach", "--no-deps", "--name", name, *label, "--entrypoint", "sleep",
             "db", "600")  # fmt: skip
    mine = named(project, slot)
    docker(*mine.compose(*words)[1:], environ=mine.environ(clean_environ()), cwd=project.root)
    return name


def test_nothing_is_left_though_a_one_off_runs_not_even_an_anonymous_volume(
    project: Project,
) -> None:
    up(project)
    name = one_off(project)
    mine = named(project)
    mounts = docker("inspect", f"{mine.name}-db-1", "--format",
                    "{{range .Mounts}}{{.Name}} {{end}}").stdout.split()  # fmt: skip
    assert len(mounts) == 2
    removed = teardown.down(mine, clean_environ())
    assert set(removed.containers) == {f"{mine.name}-db-1", name}
    assert removed.networks == (f"{mine.name}_default",)
    assert removed.volumes == (f"{mine.name}_data",)
    assert not things(mine)
    assert not set(mounts) & set(docker("volume", "ls", "--quiet").stdout.split())
    assert not services.warm(mine, clean_environ())
    assert not teardown.down(mine, clean_environ()).names


def test_one_slot_goes_and_the_others_stay_and_all_go_without_another_checkouts(
    project: Project, tmp_path: Path
) -> None:
    with composed(tmp_path / "another") as other:
        for slot in (1, 2):
            up(project, slot)
        up(other)
        teardown.down(named(project, 2), clean_environ())
        assert services.warm(named(project), clean_environ())
        assert not (project.root / build_state.FOLDER / "2.json").exists()
        up(project, 2)
        removed = teardown.down_all(project.root, clean_environ())
        assert len(removed.containers) == 2
        assert not things(named(project))
        assert services.warm(named(other), clean_environ())
        assert not (project.root / build_state.FOLDER / "1.json").exists()


def test_what_only_looks_like_ours_stays(project: Project) -> None:
    name = f"{teardown.prefix(project.root)}1-mine"
    label = f"com.docker.compose.project={name}"
    docker("network", "create", "--label", label, name)
    assert not teardown.down_all(project.root, clean_environ()).names
    assert things(named(project)) == [f"network {name}"]


def test_what_cannot_be_removed_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    up(project)
    network = f"{named(project).name}_default"
    guest = f"{named(project).name}-guest"
    docker(
        "run", "--detach", "--init", "--name", guest, "--network", network, IMAGE, "sleep", "600"
    )
    monkeypatch.setattr(teardown, "DOWN_S", 1.0)
    try:
        with pytest.raises(WalkawayError) as caught:
            teardown.down(named(project), clean_environ())
    finally:
        docker("rm", "--force", guest)
    assert caught.value.code == 69
    first, said, _ = caught.value.message.splitlines()
    assert first == f"Not removed within 1 s: {network}."
    assert "active endpoints" in said
    assert teardown.down(named(project), clean_environ()).networks == (network,)


def test_a_run_with_a_container_at_work_is_live(project: Project) -> None:
    assert not teardown.live_runs(project.root, clean_environ())
    name = one_off(project, run=RUN_ID)
    assert teardown.live_runs(project.root, clean_environ()) == [RUN_ID]
    docker("stop", "--time", "0", name)
    # The engine shows a container that it has stopped as up for a moment.
    wait_for(lambda: not teardown.live_runs(project.root, clean_environ()), "no live run")


def test_a_run_that_holds_an_environment_is_live(project: Project) -> None:
    path = build_state.folder(project.root) / "2.lock"
    fd = file_lock.acquire(str(path))
    assert fd is not None
    path.write_text(f"{RUN_ID}\n")
    assert teardown.live_runs(project.root, clean_environ()) == [RUN_ID]
    os.close(fd)
    assert not teardown.live_runs(project.root, clean_environ())
