"""An environment comes up, answers for itself, serves the tests, and leaves nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.walkaway.support.engine import Environment, docker, environment, scratch_project
from tests.walkaway.support.waiting import wait_for

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("platform's environment")]
OURS = {"auth-service", "chat-service", "gateway", "kb-service", "web-service"}
SERVICES = {*OURS, "db", "redis"}
WELL = dict.fromkeys(("auth", "chat", "kb", "redis"), "ok")

WITH_PORTS = ("docker-compose.yml", "docker-compose.ports.yml")


@pytest.fixture(scope="module")
def shared(built_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An environment that is up, for tests that leave it as it was: all of it well."""
    assert built_image
    with environment(scratch_project(tmp_path_factory.mktemp("project"))) as made:
        made.up()
        yield made


@pytest.fixture
def changed(shared: Environment) -> Iterator[Environment]:
    """The same environment for a test that changes it: whatever that does, all is well again."""
    yield shared
    shared.up()


@pytest.fixture
def project(tmp_path: Path, built_image: str) -> Path:
    assert built_image
    return scratch_project(tmp_path)


def statuses(made: Environment) -> dict[str, str]:
    lines = made.compose("ps", "--format", "json").stdout.splitlines()
    return {found["Service"]: found["Health"] for found in map(json.loads, lines)}


def ask_health(made: Environment, service: str) -> tuple[int, dict[str, Any]]:
    """Ask a service from inside its own container: status and body."""
    format_ = "\\n%{http_code}"
    port = 8001 if service == "web-service" else 8000
    said = made.compose("exec", "-T", service, "curl", "-sS", "-m", "20", "-w", format_,
                        f"http://127.0.0.1:{port}/health").stdout  # fmt: skip
    body, _, status = said.rpartition("\n")
    found: dict[str, Any] = json.loads(body)
    return int(status), found


def register(made: Environment, email: str) -> str:
    """Register a user; the status."""
    user = json.dumps({"email": email, "password": "correct horse"})
    return made.compose("exec", "-T", "gateway", "curl", "-sS", "-m", "20", "-o", "/dev/null",
                        "-w", "%{http_code}", "-H", "Content-Type: application/json", "-d", user,
                        "http://127.0.0.1:8000/api/v1/auth/register").stdout  # fmt: skip


def test_an_environment_ends_cleanly_without_a_trace_and_comes_up_healthy(
    changed: Environment,
) -> None:
    changed.compose("stop", "--timeout", "60", *OURS)
    names = changed.compose("ps", "--all", "-q", *OURS).stdout.split()
    assert len(names) == len(OURS)
    codes = docker("inspect", "-f", "{{.State.ExitCode}}", *names).stdout.split()
    assert codes == ["0"] * len(OURS)
    changed.compose("down", "--volumes")
    assert changed.left() == []
    changed.up()
    assert statuses(changed) == dict.fromkeys(SERVICES, "healthy")


REACHES = """\
set -e
pytest --version
curl -fsS http://gateway:8000/health; echo
curl -fsS http://web-service:8001/login | grep -o '<form' | head -n 1
ping -c 1 -W 5 gateway | grep -o '1 received'
python -c 'import app; print(app.__file__)'
"""


def test_the_test_service_reaches_the_services_by_name(shared: Environment) -> None:
    version, health, *rest = shared.test("sh", "-c", REACHES).stdout.splitlines()
    assert version.startswith("pytest ")
    assert json.loads(health) == {"service": "gateway", "healthy": True, "needs": WELL}
    assert rest == ["<form", "1 received", "/app/app/__init__.py"]


def test_the_tests_pass_in_the_container_and_write_no_bytecode_beside_the_sources(
    shared: Environment,
) -> None:
    done = shared.test("pytest", "-q", "-n", "2", "tests/unit/test_text.py")
    assert " passed" in done.stdout
    assert list(shared.root.rglob("__pycache__")) == []


def test_the_database_is_there_and_never_flushes(shared: Environment) -> None:
    asked = "SELECT current_database(), current_setting('fsync')"
    done = shared.compose("exec", "-T", "-e", "PGPASSWORD=postgres", "db", "psql", "-h",
                          "127.0.0.1", "-U", "postgres", "-Atc", asked, "gaia_test")  # fmt: skip
    assert done.stdout == "gaia_test|off\n"


def test_no_port_is_published(shared: Environment) -> None:
    lines = shared.compose("ps", "--format", "json").stdout.splitlines()
    publishers = [p for line in lines for p in json.loads(line)["Publishers"] or ()]
    assert [p for p in publishers if p["PublishedPort"]] == []


def test_a_service_that_lost_what_it_needs_says_so(changed: Environment) -> None:
    for lost, sick in (("db", {"auth", "chat"}), ("redis", {"redis"})):
        changed.compose("stop", "--timeout", "2", lost)
        if lost == "db":
            for service in ("auth-service", "chat-service"):
                status, body = ask_health(changed, service)
                assert (status, body["healthy"]) == (503, False)
                assert body["needs"].keys() == {"database"}
        status, body = ask_health(changed, "gateway")
        assert (status, body["healthy"]) == (503, False)
        assert {k for k, v in body["needs"].items() if v != "ok"} == sick
        needs = ask_health(changed, "web-service")[1]["needs"]
        assert needs == {"gateway": "answers 503"}
        assert ask_health(changed, "kb-service")[0] == 200  # it needs neither
        wait_for(lambda: statuses(changed)["gateway"] == "unhealthy", "gateway to be unhealthy")
        # Back again, it is seen soon: no probe sleeps over a recovery.
        changed.compose("start", lost)
        wait_for(lambda: set(statuses(changed).values()) == {"healthy"}, "all to be healthy")


def test_services_go_on_with_a_database_that_came_back_empty(changed: Environment) -> None:
    email = f"{uuid4().hex}@example.com"
    assert register(changed, email) == "201"
    assert register(changed, email) == "409"
    # Its data are in memory: the pools' connections are dead and the tables are gone.
    changed.compose("restart", "--timeout", "2", "db")
    wait_for(lambda: ask_health(changed, "gateway")[0] == 200, "the gateway to be well")
    assert register(changed, email) == "201"


def test_two_environments_do_not_see_each_other(shared: Environment) -> None:
    with environment(shared.root) as other:
        other.compose("up", "-d", "--wait", "redis")
        other.compose("exec", "-T", "redis", "redis-cli", "set", "whose", "other")
        seen = shared.compose("exec", "-T", "redis", "redis-cli", "get", "whose").stdout
        assert seen.strip() == ""
        other.remove()
        assert statuses(shared) == dict.fromkeys(SERVICES, "healthy")


def test_ports_on_request_are_on_loopback(project: Path) -> None:
    with environment(project, files=WITH_PORTS) as made:
        made.compose("up", "-d", "--no-deps", "gateway")
        where = made.compose("port", "gateway", "8000").stdout
        assert where.startswith("127.0.0.1:")
        assert int(where.rpartition(":")[2]) > 0


def test_files_in_logs_belong_to_the_user(project: Path) -> None:
    logs = project / "logs"
    uid = os.getuid() or 4321
    if os.getuid() == 0:  # as root: any user
        os.chown(logs, uid, uid)
    with environment(project, WALKAWAY_UID=str(uid), WALKAWAY_GID=str(uid)) as made:
        made.test("sh", "-c", "pytest -q tests/unit/test_text.py && touch logs/made")
    cache = logs / ".pytest_cache"
    mine = (logs / "made", cache, *cache.rglob("*"))
    assert {path.stat().st_uid for path in mine} == {uid}
    # --lf in the next container knows what was run here.
    assert (cache / "v" / "cache" / "nodeids").exists()


def test_a_user_who_may_not_write_into_logs_gets_a_verdict_all_the_same(project: Path) -> None:
    (project / "logs").chmod(0o555)
    other = "4321:4321" if os.getuid() != 4321 else "4322:4322"
    with environment(project) as made:
        done = made.test("pytest", "-q", "tests/unit/test_text.py", options=("--user", other))
    assert " passed" in done.stdout


def test_a_stopped_pytest_reports_and_leaves_with_2(shared: Environment) -> None:
    test = shared.root / "tests" / "unit" / "test_waits.py"
    source = "import time\n\n\ndef test_waits():\n    print('begun')\n    time.sleep(600)\n"
    test.write_text(source, encoding="ascii")
    name = f"{shared.project}-stopped"
    try:
        shared.compose("run", "-d", "-T", "--no-deps", "--name", name, "test",
                       "pytest", "-q", "-s", "tests/unit/test_waits.py")  # fmt: skip
        wait_for(lambda: "begun" in docker("logs", name).stdout, "the test to start")
        docker("stop", "--time", "60", name)
        assert docker("inspect", "-f", "{{.State.ExitCode}}", name).stdout.strip() == "2"
        assert "KeyboardInterrupt" in docker("logs", name).stdout
    finally:
        docker("rm", "--force", name, check=False)
        test.unlink()
