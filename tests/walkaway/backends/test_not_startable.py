"""What keeps a run in Compose from starting is said, with what to do, and nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkaway.backends.conftest import COMPOSE

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project

pytestmark = pytest.mark.engine

NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


def test_an_engine_that_does_not_answer_is_refused_before_a_record_is_made(boxed: Project) -> None:
    answer = boxed.inv("test-async", env=NOWHERE)
    assert answer.returncode == 69
    assert answer.stderr.startswith("The Docker engine does not answer (/nowhere/docker.sock: ")
    assert "--backend local" in answer.stderr
    assert not boxed.records.ids()


def test_auto_falls_back_where_nothing_was_in_compose_yet(boxed: Project) -> None:
    boxed.write("invoke.yaml", "walkaway: {backend: auto}\n")
    answer = boxed.inv("test", env=NOWHERE)
    assert answer.returncode == 0, answer.stderr
    assert "  local: no Docker engine answers  " in answer.stdout.splitlines()[0], answer.stdout
    started = boxed.json("test-async", env=NOWHERE)
    assert started["run"]["fell_back"] == "no Docker engine answers"
    boxed.live().outcome()
    assert boxed.inv("progress").stdout.split()[2] == "local"
    asked = boxed.inv("test", "--backend", "local", env=NOWHERE)
    assert "  local  " in asked.stdout.splitlines()[0]


def test_auto_never_falls_back_silently_after_a_run_in_compose(boxed: Project) -> None:
    boxed.write("invoke.yaml", "walkaway: {backend: auto, without_services: [.]}\n")
    assert "in Compose" in boxed.inv("test").stdout
    refused = boxed.inv("test", env=NOWHERE)
    assert refused.returncode == 69
    assert "--backend local" in refused.stderr
    assert boxed.inv("test", "--backend", "local", env=NOWHERE).returncode == 0
    # Asked for, it is no silent change: the next one may be local, too.
    assert boxed.inv("test", env=NOWHERE).returncode == 0


def test_ci_never_falls_back(boxed: Project) -> None:
    boxed.write("invoke.yaml", "walkaway: {backend: auto, lint: [[true]]}\n")
    answer = boxed.inv("ci", env={**NOWHERE, "CI": "true"})
    assert answer.returncode == 69
    assert "The Docker engine does not answer" in answer.stdout


def test_a_service_that_is_not_in_the_file_is_local_for_auto(boxed: Project) -> None:
    boxed.write("docker-compose.yml", "services: {other: {image: nothing}}\n")
    boxed.write("invoke.yaml", "walkaway: {backend: auto}\n")
    first = boxed.inv("test").stdout.splitlines()[0]
    assert "  local: no service test in the Compose file  " in first
    answer = boxed.inv("test", "--backend", "compose")
    assert answer.returncode == 69
    assert "no service 'test': it has other" in answer.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {test: [", "The Compose file is invalid"),
        (COMPOSE.format(image="walkaway-nowhere:never", memory="1g"), "walkaway-nowhere:never"),
        (COMPOSE.format(image="python:3.11-slim", memory="1g"), "the recorder never loaded"),
    ],
    ids=["wrong file", "no image", "no pytest"],
)
def test_what_cannot_start_is_69_and_names_why(boxed: Project, text: str, said: str) -> None:
    boxed.write("docker-compose.yml", text)
    answer = boxed.inv("test", "--backend", "compose")
    assert answer.returncode == 69, answer.stdout
    assert "NOT STARTED" in answer.stdout
    assert said in answer.stdout, answer.stdout
    assert "inv doctor" in answer.stdout.splitlines()[-1]


@pytest.mark.parametrize("value", ["docker", "1"])
def test_another_backend_is_refused(boxed: Project, value: str) -> None:
    answer = boxed.inv("test", "--backend", value)
    assert answer.returncode == 64
    assert answer.stderr.startswith(f"--backend is {value!r}: give one of local, compose, auto")
