"""`doctor` on images that are missing: which, for whom, and whether a registry would give them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.walkaway.support.project import Project, made, tidied
from walkaway.doctor import Grade, images
from walkaway.environment import registry
from walkaway.environment.compose_config import Composed, Service
from walkaway.environment.registry import Answer, Pull
from walkaway.process import runtime_folder

NOT_KNOWN = "(service test) is not here, and whether it can be pulled is not known"
MANIFEST = json.dumps({
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": 2,
        "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
    },
    "layers": [],
}).encode()  # fmt: skip


def service(name: str, image: str, **more: Any) -> Service:  # noqa: ANN401 - as Service takes it
    return Service(name, image, **more)


def test_what_a_build_makes_and_what_nothing_starts_is_not_to_be_pulled() -> None:
    services = (
        service("test", "ours", build={"context": "."}, depends_on=("db",), optional=True),
        service("db", "postgres:15", optional=True),
        service("web", "ours"),
        service("cache", "redis:7"),
        service("queue", "redis:7"),
        service("tool", "tool:1", optional=True),
    )
    said = Composed({one.name: one for one in services}, "")
    wanted = images.to_pull(said, "test")
    assert wanted == {"redis:7": ["cache", "queue"], "postgres:15": ["db"]}


@pytest.mark.parametrize(
    ("missing", "grade", "says", "finds"),
    [
        ({}, Grade.OK, "2 images to pull, all here", []),
        ({"a": Answer(Pull.CAN)}, Grade.OK, "1 of 2 images not here; can be pulled: a", []),
        (
            {"a": Answer(Pull.CAN), "b": Answer(Pull.CANNOT, "no such host")},
            Grade.BAD,
            "2 of 2 images not here; can be pulled: a",
            ["b (services x, y) is not here and cannot be pulled: no such host"],
        ),
        (
            {"a": Answer(Pull.UNKNOWN, "no answer within 10 s")},
            Grade.UNKNOWN,
            "1 of 2 images not here",
            [f"a {NOT_KNOWN}: no answer within 10 s"],
        ),
        (
            {"a": Answer(Pull.UNKNOWN, "late"), "b": Answer(Pull.CANNOT, "denied")},
            Grade.BAD,
            "2 of 2 images not here",
            [
                f"a {NOT_KNOWN}: late",
                "b (services x, y) is not here and cannot be pulled: denied",
            ],
        ),
    ],
)
def test_what_is_missing_is_well_only_when_it_can_be_pulled(
    missing: dict[str, Answer], grade: Grade, says: str, finds: list[str]
) -> None:
    found = images.judge({"a": ["test"], "b": ["x", "y"]}, missing)
    assert (found.grade, found.says) == (grade, says)
    assert [finding.says for finding in found.findings] == finds
    assert found.facts["images"]["a"]["here"] is ("a" not in missing)


class Registry(BaseHTTPRequestHandler):
    """A registry with one image, `there`; of `mute` it says nothing."""

    silence = threading.Event()

    def do_GET(self) -> None:
        name = self.path.removeprefix("/v2/").partition("/")[0]
        if name == "mute":
            self.silence.wait(60)
        code, body = {
            "": (200, b"{}"),
            "there": (200, MANIFEST),
            "private": (401, b'{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}'),
        }.get(name, (404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'))
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        self.send_header("Content-Type", kind if name == "there" else "application/json")
        self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def host() -> Iterator[str]:
    """Where a registry listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    Registry.silence.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    Registry.silence.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with tidied(made(tmp_path / "a project")) as project:
        project.environ.update({
            "INVOKE_WALKAWAY_BACKEND": "compose",
            "XDG_STATE_HOME": str(tmp_path / "state"),
            runtime_folder.OVERRIDE: str(tmp_path / "runtime"),
        })  # fmt: skip
        yield project


def checked(project: Project) -> dict[str, Any]:
    """Return what `doctor` says of the images."""
    found = project.json("doctor")
    (row,) = [row for row in found["checks"] if row["subject"] == "images"]
    if row["grade"] in {"bad", "unknown"}:
        assert (found["fit"], found["code"]) == (False, 1)
    return dict(row)


@pytest.mark.engine
def test_doctor_asks_whether_missing_images_can_be_pulled(project: Project, host: str) -> None:
    project.write("docker-compose.yml", f"services: {{test: {{image: '{host}/there:1'}}}}\n")
    found = checked(project)
    assert found["says"] == f"1 of 1 image not here; can be pulled: {host}/there:1"
    assert found["grade"] == "ok"
    text = "services: {test: {build: ., depends_on: [db]}, db: {image: '%s'}}\n"
    for image, why in (
        (f"{host}/gone:1", "manifest unknown"),
        (f"{host}/private:1", "unauthorized"),
        ("127.0.0.1:1/nobody:1", "connection refused"),
    ):
        project.write("docker-compose.yml", text % image)
        found = checked(project)
        assert found["grade"] == "bad"
        says = found["findings"][0]["says"]
        assert says.startswith(f"{image} (service db) is not here and cannot be pulled: ")
        assert why in says
        assert found["findings"][0]["mend"].startswith(f"docker pull {image}")
        assert found["facts"]["images"][image]["pull"] == "cannot"
    refused = project.inv("up")
    assert refused.returncode == 69


@pytest.mark.engine
def test_a_registry_that_does_not_answer_is_not_waited_for(
    project: Project, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "ANSWER_S", 1.0)
    answer = registry.ask(f"{host}/mute:1", project.env())
    assert answer == Answer(Pull.UNKNOWN, "no answer within 1 s")


@pytest.mark.engine
def test_where_the_tests_run_without_compose_its_images_are_not_missed(project: Project) -> None:
    project.write("docker-compose.yml", "services: {test: {image: '127.0.0.1:1/nobody:1'}}\n")
    project.environ["INVOKE_WALKAWAY_BACKEND"] = "local"
    assert checked(project)["grade"] == "skipped"
