"""Removing what was left behind, with a real engine, among bystanders with similar names."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import clean_environment
from tests.walkaway.support.engine import docker
from walkaway.environment import known_checkouts, reaper
from walkaway.environment.project import (
    COMPOSE_FOLDER,
    COMPOSE_PROJECT,
    LABEL_CHECKOUT,
    LABEL_RUN,
    Project,
    path_hash,
)
from walkaway.environment.reaper import Plan, Reaped

# Alone: any run that ends beside it reaps what dead checkouts left, those of these tests, too.
pytestmark = [pytest.mark.engine, pytest.mark.serial]
BASE = "python:3.11-slim"
RUN = "20261122-101530-7f3a"


@dataclass(slots=True)
class Made:
    """Things that a test made, by kind and name; all of them are removed after it."""

    environ: Mapping[str, str]
    things: list[tuple[str, str]] = field(default_factory=list)

    def container(self, name: str, labels: Mapping[str, str], *, running: bool = True) -> str:
        words = ["run", "-d"] if running else ["create"]
        docker(*words, "--init", "--network", "none", "--name", name, *_labels(labels), BASE,
               "sleep", "600")  # fmt: skip
        return self._note("container", name)

    def network(self, name: str, project: str) -> str:
        docker("network", "create", *_labels({COMPOSE_PROJECT: project}), name)
        return self._note("network", name)

    def volume(self, name: str, project: str) -> str:
        docker("volume", "create", *_labels({COMPOSE_PROJECT: project}), name)
        return self._note("volume", name)

    def image(self, name: str) -> str:
        docker("tag", BASE, name)
        return self._note("image", name)

    def service(self, root: Path) -> str:
        project = Project(root).name
        labels = {COMPOSE_PROJECT: project, COMPOSE_FOLDER: str(root)}
        return self.container(f"{project}-db-1", labels)

    def test_run(self, root: Path, run: str = RUN, *, running: bool = False) -> str:
        labels = {LABEL_RUN: run, LABEL_CHECKOUT: str(root), COMPOSE_PROJECT: Project(root).name}
        name = f"walkaway-{path_hash(str(root))}-{run}-1"
        return self.container(name, labels, running=running)

    def left(self) -> list[str]:
        """Return the names of what is still there."""
        return [
            name
            for kind, name in self.things
            if docker(kind, "inspect", name, check=False).returncode == 0
        ]

    def remove(self) -> None:
        for kind, name in self.things:
            docker(kind, "rm", *(("--force",) if kind == "container" else ()), name, check=False)

    def _note(self, kind: str, name: str) -> str:
        self.things.append((kind, name))
        return name


def _labels(labels: Mapping[str, str]) -> list[str]:
    return [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    things = Made(clean_environment() | {"XDG_STATE_HOME": str(tmp_path / "state")})
    yield things
    things.remove()
    assert things.left() == []


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout; and `old` beside it, which some tests delete."""
    for name in ("shop", "old"):
        (tmp_path / name / "logs/tests/pytest").mkdir(parents=True)
    return tmp_path / "shop"


@pytest.fixture
def old(root: Path) -> Path:
    """A checkout that was, and of which the reaper has only what it left."""
    path = root.with_name("old")
    for folder in ("logs/tests/pytest", "logs/tests", "logs", ""):
        (path / folder).rmdir()
    return path


def of_this_test(plan: Plan, made: Made) -> Plan:
    """Leave what other tests have left to them: they may look at it right now."""
    mine = {name for _, name in made.things}
    return Plan(
        tuple(fate for fate in plan.go if fate.thing.name in mine),
        tuple(fate for fate in plan.stay if fate.thing.name in mine),
    )


def reap(root: Path, made: Made) -> Reaped:
    plan = of_this_test(reaper.everything(root, made.environ), made)
    return reaper.carry_out(plan, made.environ)


def ended(root: Path, run: str, *, outcome: bool = True) -> None:
    folder = root / "logs/tests/pytest" / f"test-run-{run}"
    folder.mkdir(parents=True)
    if outcome:
        (folder / "outcome.json").write_text(json.dumps({"outcome": "passed", "code": 0}))


def test_all_that_a_dead_checkout_left_goes_and_nothing_else(
    root: Path, old: Path, made: Made
) -> None:
    project, mark = Project(old).name, secrets.token_hex(2)
    known_checkouts.remember(old, made.environ)
    label = {COMPOSE_PROJECT: project}
    dead = [  # without its path: the reapers of runs that end right now cannot know it is dead
        made.container(f"{project}-db-1", label),
        made.container(f"{project}-x-1", label, running=False),
        made.network(f"{project}_default", project),
        made.volume(f"{project}_data", project),
        made.image(Project(old).image),
    ]
    foreign = f"walkaway-{secrets.token_hex(4)}-1"
    bystanders = [
        made.service(root),
        made.network(f"{Project(root).name}_default", Project(root).name),
        made.volume(f"{Project(root).name}_data", Project(root).name),
        made.image(Project(root).image),
        # A name like ours and no label, a label and another name, another project of that name.
        made.container(f"{project}-plain-1", {}),
        made.volume(f"by-hand-{mark}", project),
        made.network(f"x{project}_default", f"x{project}"),
        made.container(f"{foreign}-db-1", {COMPOSE_PROJECT: foreign, COMPOSE_FOLDER: "/none"}),
        made.volume(f"{foreign}_data", foreign),
        made.image(f"walkaway-test:{secrets.token_hex(4)}"),
        made.image(f"{Project(old).image}-mine"),
    ]
    plan = of_this_test(reaper.everything(root, made.environ), made)
    assert {fate.thing.name for fate in plan.go} == set(dead)
    assert set(made.left()) == {*dead, *bystanders}  # a plan removes nothing
    done = reaper.carry_out(plan, made.environ)
    assert set(done.removed) == {f"{kind} {name}" for kind, name in made.things if name in dead}
    assert done.failed == {}
    assert set(made.left()) == set(bystanders)
    assert old.name not in str(reap(root, made).removed)


def test_containers_alone_tell_where_a_dead_checkout_was(root: Path, old: Path, made: Made) -> None:
    project = Project(old).name
    made.service(old)
    made.network(f"{project}_default", project)
    made.image(Project(old).image)
    plan = of_this_test(reaper.after_run(root, made.environ), made)
    # Another run that ends right now may have seen and removed it, too.
    assert reaper.carry_out(plan, made.environ).failed == {}
    assert made.left() == []


def test_a_checkout_that_is_there_keeps_everything(root: Path, made: Made) -> None:
    alive = root.with_name("old")
    made.service(alive)
    made.test_run(alive)
    ended(alive, RUN)  # theirs to remove
    assert of_this_test(reaper.everything(root, made.environ), made) == Plan()


def test_a_test_container_goes_when_its_run_has_an_outcome(root: Path, made: Made) -> None:
    over, live, lost = "20261122-101530-0001", "20261122-101530-0002", "20261122-101530-0003"
    ended(root, over)
    ended(root, live, outcome=False)
    gone = [made.test_run(root, over, running=True), made.test_run(root, lost)]
    kept = [made.test_run(root, live), made.service(root)]
    plan = of_this_test(reaper.after_run(root, made.environ), made)
    assert {fate.why for fate in plan.go} == {f"run {over} has ended", f"run {lost} left no record"}
    done = reaper.carry_out(plan, made.environ)
    assert set(done.removed) == {f"container {name}" for name in gone}
    assert made.left() == kept


def test_tidying_up_removes_what_is_over_and_never_fails(root: Path, made: Made) -> None:
    ended(root, RUN)
    name = made.test_run(root)
    assert f"container {name}" in reaper.tidy(root, made.environ).removed
    assert made.left() == []
    silent = {**made.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    assert list(reaper.tidy(root, silent).failed) == ["engine"]


def test_a_dead_checkout_whose_tests_still_run_is_left(root: Path, old: Path, made: Made) -> None:
    made.service(old)
    made.test_run(old, running=True)
    plan = of_this_test(reaper.everything(root, made.environ), made)
    assert plan.go == ()
    assert len(plan.stay) == 2


def test_what_cannot_be_removed_is_told_and_the_rest_goes(
    root: Path, old: Path, made: Made
) -> None:
    project = Project(old).name
    known_checkouts.remember(old, made.environ)
    held, gone = made.volume(f"{project}_data", project), made.volume(f"{project}_more", project)
    user = f"wk-user-{secrets.token_hex(4)}"
    docker("run", "-d", "--init", "--network", "none", "--name", user, "-v", f"{held}:/x", BASE,
           "sleep", "600")  # fmt: skip
    made.things.insert(0, ("container", user))
    done = reap(root, made)
    assert done.removed == [f"volume {gone}"]
    assert "in use" in done.failed[f"volume {held}"]
    assert made.left() == [user, held]


def test_a_dead_checkout_of_which_nothing_is_left_is_forgotten(
    root: Path, old: Path, made: Made
) -> None:
    known_checkouts.remember(old, made.environ)
    made.image(Project(old).image)
    reap(root, made)
    assert path_hash(str(old)) in known_checkouts.known(made.environ)
    reap(root, made)
    assert list(known_checkouts.known(made.environ)) == [path_hash(str(root))]
