"""`inv doctor` with a real engine: fit, not fit, and what is left of checkouts that are gone."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.walkaway.support.engine import docker
from tests.walkaway.support.project import Project as Checkout
from tests.walkaway.support.project import made, tidied
from walkaway.environment import known_checkouts, teardown
from walkaway.environment.project import COMPOSE_PROJECT, Project, path_hash
from walkaway.process import runtime_folder

pytestmark = pytest.mark.engine
PAGE = """\
import http.server, sys

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if self.path == "/sick" else 200)
        self.end_headers()

http.server.HTTPServer(("", 8000), Page).serve_forever()
"""
COMPOSE = """\
x-ours: &ours
  image: python:3.11-slim
  init: true
services:
  test:
    <<: *ours
    profiles: [test]
    command: [pytest]
    mem_limit: 1g
  web:
    <<: *ours
    command: [python3, -c, {page}]
    healthcheck:
      test: [CMD-SHELL, "python3 -c pass http://127.0.0.1:8000/health"]
      interval: 1s
{ports}
  sick:
    <<: *ours
    command: [python3, -c, {page}]
    healthcheck:
      test: [CMD-SHELL, "python3 -c pass http://localhost:8000{sick}"]
      interval: 1s
  store:
    <<: *ours
    command: [sleep, "600"]
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A project with services; its environments are taken down after the test."""
    with tidied(made(tmp_path / "a shop")) as project:
        compose(project)
        project.environ.update({
            "INVOKE_WALKAWAY_BACKEND": "compose",
            "INVOKE_WALKAWAY_WORKERS": "2",
            "XDG_STATE_HOME": str(tmp_path / "state"),
            runtime_folder.OVERRIDE: str(tmp_path / "runtime"),
        })  # fmt: skip
        yield project
        teardown.down_all(project.root, project.env())


def compose(checkout: Checkout, *, sick: str = "/health", port: int = 0) -> None:
    ports = f'    ports: ["127.0.0.1:{port}:8000"]' if port else ""
    text = COMPOSE.format(page=json.dumps(PAGE), sick=sick, ports=ports)
    checkout.write("docker-compose.yml", text)


def doctor(checkout: Checkout, *bad: str) -> dict[str, dict[str, Any]]:
    """Return what `inv doctor --json` says of each subject; ``bad``: those with findings.

    Other tests' checkouts come and go meanwhile: what is left of those is nothing to fail for.
    """
    done = checkout.inv("doctor", "--json")
    found = json.loads(done.stdout)
    wrong = {row["subject"] for row in found["checks"] if row["grade"] in {"bad", "unknown"}}
    assert wrong - {"leftovers"} == set(bad) - {"leftovers"}, done.stdout
    code = 1 if wrong else 0
    assert (done.returncode, found["code"], found["fit"]) == (code, code, code == 0)
    return {checked["subject"]: checked for checked in found["checks"]}


def says(checked: dict[str, Any]) -> list[str]:
    return [finding["says"] for finding in checked["findings"]]


def test_a_checkout_without_an_environment_is_fit(checkout: Checkout) -> None:
    found = doctor(checkout)
    assert found["versions"]["facts"]["engine"]
    assert found["Compose file"]["facts"]["services"] == ["sick", "store", "test", "web"]
    assert found["memory"]["facts"]["limit"] == 1024**3
    assert found["network"]["grade"] == "skipped"
    shown = checkout.inv("doctor")
    first, *_, last = shown.stdout.splitlines()
    if shown.returncode == 0:
        assert (first[:5], last) == ("FIT  ", "next: inv test-async")
    else:
        assert (first[:9], last) == ("NOT FIT  ", "next: inv doctor --reap")
    assert shown.stderr == ""
    left = docker("ps", "-aq", "--filter", f"label={COMPOSE_PROJECT}={Project(checkout.root).name}")
    assert left.stdout == ""


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
    return port


def test_services_are_asked_from_inside_their_environment_and_may_have_their_ports(
    checkout: Checkout,
) -> None:
    port = free_port()
    compose(checkout, port=port)
    project = Project(checkout.root)
    environ = project.environ(checkout.env())
    docker(*project.compose("up", "-d", "--wait")[1:], environ=environ, cwd=checkout.root)
    found = doctor(checkout)
    assert found["network"]["says"] == "3 services found by name, 2 health pages well"
    assert found["ports"]["facts"]["taken"][str(port)].endswith("-web-1")
    compose(checkout, sick="/sick", port=port)
    network = doctor(checkout, "network")["network"]
    assert says(network) == ["the health page of sick answers 503"]
    assert network["findings"][0]["mend"] == "inv service-logs --service sick"
    docker("network", "disconnect", f"{project.name}_default", f"{project.name}-store-1")
    network = doctor(checkout, "network")["network"]
    assert says(network)[1].startswith("store cannot be found by its name")
    rows = docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name={project.name}-doctor")
    assert rows.stdout == ""


def test_a_published_port_is_free_taken_by_a_process_or_by_a_container(
    checkout: Checkout,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        compose(checkout, port=port)
        (text,) = says(doctor(checkout, "ports")["ports"])
        assert text.startswith(f"port {port} is taken by process ")
        assert "pytest" in text or "python" in text
    assert doctor(checkout)["ports"]["facts"]["published"] == [port]
    name = f"wk-doctor-{secrets.token_hex(4)}"
    try:
        docker("run", "-d", "--init", "--name", name, "-p", f"127.0.0.1:{port}:80",
               "python:3.11-slim", "sleep", "600")  # fmt: skip
        found = doctor(checkout, "ports")["ports"]
        assert says(found) == [f"port {port} is taken by container {name}"]
        assert found["findings"][0]["mend"].startswith(f"docker stop {name}")
    finally:
        docker("rm", "--force", name)


def test_a_wrong_compose_file_is_one_finding(checkout: Checkout) -> None:
    checkout.write("docker-compose.yml", "services: {test: {image: x, nonsense: 1}}\n")
    found = doctor(checkout, "Compose file")
    assert "nonsense" in says(found["Compose file"])[0]
    for subject in ("memory", "ports", "build context", "network"):
        assert found[subject]["grade"] == "skipped"
    checkout.write("docker-compose.yml", "services: {web: {image: x}}\n")
    assert "no service 'test'" in says(doctor(checkout, "Compose file")["Compose file"])[0]


def test_a_large_context_and_too_little_memory_are_found(checkout: Checkout) -> None:
    checkout.write("Dockerfile", "FROM python:3.11-slim\n")
    checkout.write(
        "docker-compose.yml", "services: {test: {build: ., image: wk-none, mem_limit: 300m}}\n"
    )
    with (checkout.root / "video.mp4").open("wb") as file:
        file.truncate(80_000_000)
    found = doctor(checkout, "build context", "memory")
    assert "video.mp4 80 MB" in says(found["build context"])[0]
    assert found["build context"]["findings"][0]["mend"].startswith("printf '%s\\n' video.mp4 >>")
    assert "2 workers want 537 MB" in says(found["memory"])[0]


@pytest.mark.serial  # any run that ends beside it would reap it
def test_what_a_dead_checkout_left_is_shown_and_reaped(checkout: Checkout, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    (tmp_path / "gone").mkdir()
    known_checkouts.remember(tmp_path / "gone", environ)
    (tmp_path / "gone").rmdir()
    project = f"walkaway-{path_hash(gone)}-1"
    volume = f"{project}_data"
    docker("volume", "create", "--label", f"{COMPOSE_PROJECT}={project}", volume)
    try:
        found = doctor(checkout, "leftovers")["leftovers"]
        assert f"{volume}: its checkout is gone: {gone}" in says(found)
        assert found["findings"][0]["mend"] == "inv doctor --reap"
        done = checkout.inv("doctor", "--reap")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"  volume {volume}: its checkout is gone: {gone}" in done.stdout.splitlines()
        assert docker("volume", "inspect", volume, check=False).returncode != 0
    finally:
        docker("volume", "rm", "--force", volume, check=False)
    assert volume not in checkout.inv("doctor", "--json").stdout
