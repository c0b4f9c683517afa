"""One test's lines and its services' joined, on the platform: embedded, and in Compose."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import copy_checkout
from tests.walkaway.support.composed import remove, things
from tests.walkaway.support.engine import engine_environ
from tests.walkaway.support.project import Project, tidied
from tests.walkaway.support.waiting import wait_for
from walkaway.environment.project import Project as Named

TEST = """\
import logging, os, time

from tests.fixtures.clients import answered
from tests.fixtures.factories import MakeUser


def test_hello(client, make_user):
    user = make_user()
    log = logging.getLogger("shop")
    log.info("signed in")
    talk = answered(client.post("/conversations", json={"title": "t"}, headers=user.headers), 201)
    until = time.monotonic() + 100
    while not os.path.exists("logs/gate") and time.monotonic() < until:
        time.sleep(0.05)
    client.delete(f"/conversations/{talk['id']}", headers=user.headers)
"""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Project]:
    """A copy of this checkout with one test, which waits until `logs/gate` is there."""
    copy_checkout(tmp_path)
    shutil.rmtree(tmp_path / "tests" / "walkaway")
    with tidied(Project(tmp_path)) as project:
        # The plugins that pytest.ini needs come by their entry points.
        project.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = ""
        project.environ["PYTHONPATH"] = str(tmp_path)
        project.write("tests/integration/test_hello.py", TEST)
        yield project


def _check_log(project: Project) -> None:
    """Ask while the test stands before its gate, and after its end."""
    live = project.start("--", "tests/integration/test_hello.py")
    lines = live.record.path("logs-main.jsonl")
    wait_for(lambda: _holds(lines, b"/conversations "), f"the gate\n{live.described()}", 200)
    at_the_gate = wait_for(
        lambda: _log_with(project, "chat", 1), "the services' lines while it runs"
    )
    assert at_the_gate[0].startswith(f"RUNNING  {live.run.short}  ")
    (project.root / "logs" / "gate").touch()
    assert live.outcome(200)["outcome"] == "passed", live.described()
    first, *rows, last = _log_with(project, "chat", 2)
    assert first.startswith(
        f"PASSED  {live.run.short}  tests/integration/test_hello.py::test_hello"
    )
    said = [re.split(" {2,}", row.strip())[1:4:2] for row in rows]
    assert ["test", "shop: signed in"] in said
    assert ["gateway", "POST /api/v1/conversations: 201"] in said
    assert ["chat", "POST /conversations: 201"] in said
    assert ["auth", "POST /login: 200"] in said
    told = project.json("log", "--test", "test_hello")
    asked = [line for line in told["lines"] if line["message"] == "POST /conversations: 201"]
    # The services may speak in either order; all do so under the id that the test gave.
    (mine,) = {line["request_id"] for line in asked}
    same = [line["source"] for line in told["lines"] if line["request_id"] == mine]
    assert {"gateway", "chat", "auth"} <= set(same)
    assert told["unread"] == []
    assert last.startswith("next: ")
    json.dumps(told)


def _holds(path: Path, text: bytes) -> bool:
    return path.exists() and text in path.read_bytes().replace(b'"', b" ")


def _log_with(project: Project, service: str, least: int) -> list[str]:
    """Return the answer once ``service`` has said so much in it: it logs after it answers."""
    answer = project.inv("log", "--test", "test_hello")
    assert answer.returncode == 0, answer.stderr
    rows = answer.stdout.splitlines()
    count = re.search(rf"\b{service} (\d+)", rows[0])
    return rows if count and int(count.group(1)) >= least else []


def test_on_loopback(platform: Project) -> None:
    platform.environ["INVOKE_WALKAWAY_BACKEND"] = "local"
    _check_log(platform)


@pytest.mark.engine
def test_in_compose(platform: Project, built_image: str) -> None:
    """While the run lives the containers are asked; once it has ended its record tells."""
    assert built_image
    platform.environ.update({
        name: value for name, value in engine_environ().items() if os.environ.get(name) != value
    })  # fmt: skip
    platform.environ["INVOKE_WALKAWAY_BACKEND"] = "compose"
    named = Named(platform.root)
    try:
        _check_log(platform)
    finally:
        remove(named)
    assert not things(named)
