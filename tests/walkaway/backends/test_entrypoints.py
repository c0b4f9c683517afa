"""The test service may have an entrypoint: it hands our command on, or the verdict names it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.engine import docker
from tests.walkaway.support.waiting import wait_for
from walkaway.environment import entrypoint as entrypoint_advice
from walkaway.environment.project import Project as Named

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project

pytestmark = pytest.mark.engine

SCRIPT = "#!/bin/sh\necho setting up\n{then}\n"


def entrypoint(project: Project, *words: str, user: str = "") -> None:
    compose = project.root / "docker-compose.yml"
    text = compose.read_text(encoding="utf-8")
    text = text.replace("init: true", f"init: true\n    entrypoint: {json.dumps(words)}")
    if user:
        text = text.replace("${WALKAWAY_UID:-1000}:${WALKAWAY_GID:-1000}", user)
    project.write("docker-compose.yml", text)


def script(project: Project, then: str) -> str:
    path = project.write("tests/entry.sh", SCRIPT.format(then=then))
    path.chmod(0o755)
    return "/app/tests/entry.sh"


@pytest.mark.parametrize("then", ['exec "$@"', '"$@"'])
def test_a_script_that_hands_the_command_on_runs_before_pytest(boxed: Project, then: str) -> None:
    entrypoint(boxed, script(boxed, then))
    answer = boxed.inv("test")
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("words", "code", "advice"),
    [
        (("pytest",), 4, "entrypoint: []   In invoke.yaml: walkaway: {pytest: [pytest]}"),
        pytest.param(
            ("python", "-m", "pytest", "-q"),
            4,
            "walkaway: {pytest: [python, -m, pytest, -q]}",
            marks=pytest.mark.soak,
        ),
        (("sh", "-c", "pytest tests -q"), 0, "entrypoint: []"),
        (("true",), 0, 'End it with: exec "$@"'),
        pytest.param(
            ("sh", "-c", "exec $*", "sh"), 0, 'End it with: exec "$@"', marks=pytest.mark.soak
        ),
    ],
    ids=["pytest", "python", "a suite of its own", "nothing", "split words"],
)
def test_one_that_does_not_is_named_with_what_to_do(
    boxed: Project, words: tuple[str, ...], code: int, advice: str
) -> None:
    entrypoint(boxed, *(word.replace("$", "$$") for word in words))
    answer = boxed.inv("test")
    assert answer.returncode == 69, answer.stdout
    told = answer.stdout
    assert "the entrypoint of service test did not run the command it was given" in told
    assert f"(exit {code})" in told, told
    assert advice in told, told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("python", "-m", "pytest", "-q"), "walkaway: {pytest: [python, -m, pytest, -q]}"),
        (("sh", "-c", "pytest tests -q"), "In the Compose file: entrypoint: []"),
        (("sh", "-c", "exec $*", "sh"), 'End it with: exec "$@"'),
    ],
)
def test_the_advice_fits_the_entrypoint(words: tuple[str, ...], says: str) -> None:
    assert says in entrypoint_advice.advice(words)


def test_one_of_the_image_is_named_too(boxed: Project) -> None:
    boxed.write(
        "Dockerfile", f'FROM {boxed.environ["WALKAWAY_TEST_IMAGE"]}\nENTRYPOINT ["pytest"]\n'
    )
    compose = boxed.root / "docker-compose.yml"
    text = compose.read_text(encoding="utf-8")
    image = boxed.environ.pop("WALKAWAY_TEST_IMAGE")
    boxed.write("docker-compose.yml", text.replace(image, "${WALKAWAY_TEST_IMAGE}\n    build: ."))
    try:
        answer = boxed.inv("test")
    finally:
        # The run's container goes a moment after its verdict.
        image = Named(boxed.root).image
        wait_for(
            lambda: docker("image", "rm", image, check=False).returncode == 0, "its image's end"
        )
    assert answer.returncode == 69
    assert "did not run the command it was given: pytest (exit 4)" in answer.stdout, answer.stdout


def test_a_record_that_cannot_be_written_is_not_its_fault(boxed: Project) -> None:
    entrypoint(boxed, script(boxed, 'exec "$@"'), user="4321:4321")
    answer = boxed.inv("test")
    assert answer.returncode == 69
    assert "entrypoint" not in answer.stdout, answer.stdout
    assert "/walkaway/run.log" in answer.stdout


def test_progress_says_that_the_entrypoint_is_at_work(boxed: Project) -> None:
    entrypoint(boxed, script(boxed, 'until [ -e tests/go ]; do sleep 0.1; done; exec "$@"'))
    live = boxed.start()
    wait_for(
        lambda: (
            "PREPARING" in (told := boxed.inv("progress").stdout)
            and "in the entrypoint, before pytest: /app/tests/entry.sh" in told
        ),
        "the entrypoint to be told",
    )
    boxed.write("tests/go", "")
    assert live.outcome()["outcome"] == "passed"
