"""The platform run by the tasks: its own suite in Compose, and one test's lines joined."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.composed import remove
from tests.walkaway.support.engine import engine_environ, scratch_project
from tests.walkaway.support.project import Project, tidied
from tests.walkaway.support.waiting import wait_for
from walkaway.environment.project import Project as Named

if TYPE_CHECKING:
    from tests.walkaway.support.scratch import Live

pytestmark = pytest.mark.xdist_group("platform in Compose")
BOUND_S = 400.0
SUITES = ("tests/unit/", "tests/integration/", "tests/e2e/")
HELLO = "tests/integration/test_hello.py"
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


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A copy of the platform with the tasks; nothing of it stays in the engine."""
    root = scratch_project(tmp_path_factory.mktemp("platform"))
    for name in ("tasks.py", "invoke.yaml"):
        shutil.copy2(REPOSITORY / name, root / name)
    # The plugins that pytest.ini needs come by their entry points.
    mine = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "", "PYTHONPATH": str(root)}
    with tidied(Project(root, mine)) as project:
        yield project


@pytest.fixture(scope="module")
def composed(platform: Project, built_image: str) -> Iterator[Project]:
    """The platform with its environment in Compose, which stays up between two runs."""
    assert built_image
    named = Named(platform.root)
    images = {name: value for name, value in engine_environ().items() if name.endswith("_IMAGE")}
    try:
        yield Project(platform.root, platform.environ | images)
    finally:
        platform.inv("down")
        remove(named)


@pytest.mark.engine
def test_the_whole_suite_is_green_in_compose(composed: Project) -> None:
    live = composed.start("--backend", "compose", "--", "-n", "2")
    found = live.outcome(BOUND_S)
    assert found["outcome"] == "passed", live.log()[-8000:]
    collected = live.record.path("collected.txt").read_text("utf-8").splitlines()
    # All of it passed: none lost, and none skipped, as would be without a browser.
    assert found["counts"] == {"passed": len(collected)}
    assert found["backend"] == "compose"
    for folder in SUITES:
        assert any(nodeid.startswith(folder) for nodeid in collected), folder


def test_the_lines_of_a_test_are_joined_on_loopback(platform: Project) -> None:
    _check_log(platform, "local")


@pytest.mark.engine
def test_the_lines_of_a_test_are_joined_in_compose(composed: Project) -> None:
    """While the run lives the containers are asked; once it has ended its record tells."""
    _check_log(composed, "compose")


def _check_log(project: Project, backend: str) -> None:
    """Ask while the test stands before its gate, and after its end."""
    gate = project.root / "logs" / "gate"
    test = project.write(HELLO, TEST)
    try:
        _log_checked(project.start("--backend", backend, "--", HELLO), project, gate)
    finally:
        test.unlink()
        gate.unlink(missing_ok=True)


def _log_checked(live: Live, project: Project, gate: Path) -> None:
    lines = live.record.path("logs-main.jsonl")
    wait_for(lambda: _holds(lines, b"/conversations "), f"the gate\n{live.described()}", 200)
    at_the_gate = wait_for(
        lambda: _log_with(project, "chat", 1), "the services' lines while it runs"
    )
    assert at_the_gate[0].startswith(f"RUNNING  {live.run.short}  ")
    gate.touch()
    assert live.outcome(200)["outcome"] == "passed", live.described()
    first, *rows, last = _log_with(project, "chat", 2)
    assert first.startswith(f"PASSED  {live.run.short}  {HELLO}::test_hello")
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
