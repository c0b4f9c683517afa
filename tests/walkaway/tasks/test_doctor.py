"""`inv doctor` where no engine is: the local parts, and exit codes."""

from __future__ import annotations

import json

import pytest

from tests.walkaway.support.project import Project
from tests.walkaway.upkeep.records import Folder
from walkaway.runs import runtime

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
COMPOSE = "services: {test: {image: none}}\n"


@pytest.fixture(autouse=True)
def _apart(project: Project) -> None:
    project.environ[runtime.OVERRIDE] = str(project.root.parent / "runtime")
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
    assert lines[row + 2].strip().startswith(f"mend: {mend}    tells what it left; then: rm -r ")
    assert lines[-1] == f"next: {mend}"


def test_an_engine_that_is_needed_and_silent_is_69(project: Project) -> None:
    project.write("docker-compose.yml", COMPOSE)
    for backend in ("compose", "auto"):
        environ = {**NO_ENGINE, "INVOKE_WALKAWAY_BACKEND": backend}
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


def test_without_an_engine_nothing_can_be_reaped(project: Project) -> None:
    done = project.inv("doctor", "--reap", env=NO_ENGINE)
    assert done.returncode == 69
    assert done.stdout == ""
    assert "The Docker engine does not answer" in done.stderr


def test_a_wrong_setting_is_refused_as_everywhere(project: Project) -> None:
    done = project.inv("doctor", env={**NO_ENGINE, "INVOKE_WALKAWAY_BACKEND": "podman"})
    assert done.returncode == 64
    assert "podman" in done.stderr
