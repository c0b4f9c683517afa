"""`inv doctor` where no engine is: the local parts, and exit codes."""

from __future__ import annotations

import json

import pytest

from tests.walkaway.support.project import Project
from tests.walkaway.upkeep.records import Folder
from walkaway.process import runtime_folder

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
COMPOSE = "services:\n  test:\n    image: none\n"
AUTO = {"INVOKE_WALKAWAY_BACKEND": "auto"}


@pytest.fixture(autouse=True)
def _apart(project: Project) -> None:
    project.environ[runtime_folder.OVERRIDE] = str(project.root.parent / "runtime")
    project.environ["INVOKE_WALKAWAY_WORKER_SLOTS"] = "4"


def test_a_local_checkout_is_fit_without_docker(project: Project) -> None:
    done = project.inv("doctor", env={**NO_ENGINE, "INVOKE_WALKAWAY_BACKEND": "local"})
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("FIT  6 checks in ")
    assert [line[9:21].strip() for line in lines[1:-1]] == [
        "pytest", "records", "runs", "disk", "memory", "worker slots",
    ]  # fmt: skip
    assert lines[-1] == "next: inv test-async"


def test_what_is_found_is_told_with_what_mends_it(project: Project) -> None:
    run = Folder(project.root).dead(0.5)
    done = project.inv("doctor", env=NO_ENGINE)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("NOT FIT  1 finding in 6 checks in ")
    (row,) = [n for n, line in enumerate(lines) if line.startswith("NOT OK")]
    assert lines[row].split() == ["NOT", "OK", "runs", "1", "recorded,", "0", "live"]
    gone = "its supervisor and pytest are gone"
    assert lines[row + 1].strip() == f"run {run} has no verdict, 12 h old: {gone}"
    mend = f"inv progress --run {run[-4:]}"
    assert lines[row + 2].strip().startswith(f"fix: {mend}    tells what it left; then: rm -r ")
    assert lines[-1] == f"next: {mend}"


def test_an_engine_that_is_needed_and_silent_is_69(project: Project) -> None:
    project.write("docker-compose.yml", COMPOSE)
    # Outside CI `auto` would fall back to local, as long as no run was in Compose.
    for more in ({"INVOKE_WALKAWAY_BACKEND": "compose"}, {**AUTO, "CI": "true"}):
        environ = {**NO_ENGINE, **more}
        done = project.inv("doctor", "--json", env=environ)
        assert done.returncode == 69, done.stdout + done.stderr
        found = json.loads(done.stdout)
        assert (found["code"], found["fit"]) == (69, False)
        engine = found["checks"][0]
        assert (engine["subject"], engine["grade"]) == ("engine", "bad")
        assert "/nowhere/docker.sock" in engine["findings"][0]["says"]
        assert engine["findings"][0]["mend"]
    local = project.inv("doctor", env={**NO_ENGINE, "INVOKE_WALKAWAY_BACKEND": "local"})
    assert local.returncode == 0
    assert "not asked: the tests run without it" in local.stdout


def test_a_checkout_that_falls_back_to_local_is_fit_and_its_tests_run(project: Project) -> None:
    project.write("docker-compose.yml", COMPOSE)
    environ = {**NO_ENGINE, **AUTO}
    done = project.inv("doctor", env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    first, engine, *_, last = done.stdout.splitlines()
    assert first.startswith("FIT  ")
    says = (
        "engine        does not answer: test-async runs the tests locally; ci, up and build need it"
    )
    assert says in engine
    assert last == "next: inv test-async"
    live = project.ended(env=environ)
    assert (live.run.backend, live.outcome()["outcome"]) == ("local", "passed")
    assert project.inv("doctor", env=environ).returncode == 0


def test_after_a_run_in_compose_nothing_falls_back_and_the_engine_is_needed(
    project: Project,
) -> None:
    project.write("docker-compose.yml", COMPOSE)
    project.forge("20991122-101530-7f3a", project.ended(), backend="compose")
    environ = {**NO_ENGINE, **AUTO}
    assert project.inv("test-async", env=environ).returncode == 69
    done = project.inv("doctor", env=environ)
    assert done.returncode == 69
    assert done.stdout.startswith("NOT FIT  the engine does not answer, ")


def test_without_an_engine_nothing_can_be_reaped(project: Project) -> None:
    done = project.inv("doctor", "--reap", env=NO_ENGINE)
    assert done.returncode == 69
    assert done.stdout == ""
    assert "The Docker engine does not answer" in done.stderr


def test_a_wrong_setting_is_refused_as_everywhere(project: Project) -> None:
    done = project.inv("doctor", env={**NO_ENGINE, "INVOKE_WALKAWAY_BACKEND": "podman"})
    assert done.returncode == 64
    assert "podman" in done.stderr
