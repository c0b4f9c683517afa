"""An environment comes up, answers for itself, serves the tests, and leaves nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.walkaway.support.engine import Environment, docker, environment, scratch_project
from tests.walkaway.support.waiting import wait_for

pytestmark = pytest.mark.engine
OURS = {"auth-service", "chat-service", "gateway", "kb-service", "web-service"}
SERVICES = {*OURS, "db", "redis"}
WELL = dict.fromkeys(("auth", "chat", "kb", "redis"), "ok")

WITH_PORTS = ("docker-compose.yml", "docker-compose.ports.yml")


@pytest.fixture(scope="module")
def shared(built_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An environment that is up, for tests that leave it as it was."""
    assert built_image
    with environment(scratch_project(tmp_path_factory.mktemp("project"))) as made:
        made.up()
        yield made


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


def register(made: Environment) -> str:
    """Register the same user; the status."""
    user = json.dumps({"email": "ann@example.com", "password": "correct horse"})
    return made.compose("exec", "-T", "gateway", "curl", "-sS", "-m", "20", "-o", "/dev/null",
                        "-w", "%{http_code}", "-H", "Content-Type: application/json", "-d", user,
                        "http://127.0.0.1:8000/api/v1/auth/register").stdout  # fmt: skip


def test_an_environment_comes_up_healthy_and_goes_down_without_a_trace(project: Path) -> None:
    with environment(project) as made:
        made.up()
        assert statuses(made) == dict.fromkeys(SERVICES, "healthy")
        made.compose("down", "--volumes")
        assert made.left() == []


def test_the_test_service_reaches_the_services_by_name(shared: Environment) -> None:
    assert shared.test("pytest", "--version").stdout.startswith("pytest ")
    answer = json.loads(shared.test("curl", "-fsS", "http://gateway:8000/health").stdout)
    assert answer == {"service": "gateway", "healthy": True, "needs": WELL}
    assert "<form" in shared.test("curl", "-fsS", "http://web-service:8001/login").stdout
    assert "1 received" in shared.test("ping", "-c", "1", "-W", "5", "gateway").stdout
    location = shared.test("python", "-c", "import app; print(app.__file__)").stdout
    assert location == "/app/app/__init__.py\n"


def test_the_tests_pass_in_the_container(shared: Environment) -> None:
    done = shared.test("pytest", "-q", "-n", "2", "tests/unit/test_text.py")
    assert " passed" in done.stdout


def test_the_database_is_there_and_never_flushes(shared: Environment) -> None:
    asked = "SELECT current_database(), current_setting('fsync')"
    done = shared.compose("exec", "-T", "-e", "PGPASSWORD=postgres", "db", "psql", "-h",
                          "127.0.0.1", "-U", "postgres", "-Atc", asked, "gaia_test")  # fmt: skip
    assert done.stdout == "gaia_test|off\n"


def test_no_port_is_published(shared: Environment) -> None:
    lines = shared.compose("ps", "--format", "json").stdout.splitlines()
    publishers = [p for line in lines for p in json.loads(line)["Publishers"] or ()]
    assert [p for p in publishers if p["PublishedPort"]] == []


def test_a_service_that_lost_what_it_needs_says_so(project: Path) -> None:
    with environment(project) as made:
        made.up()
        for lost, sick in (("db", {"auth", "chat"}), ("redis", {"redis"})):
            made.compose("stop", "--timeout", "2", lost)
            if lost == "db":
                for service in ("auth-service", "chat-service"):
                    status, body = ask_health(made, service)
                    assert (status, body["healthy"]) == (503, False)
                    assert body["needs"].keys() == {"database"}
            status, body = ask_health(made, "gateway")
            assert (status, body["healthy"]) == (503, False)
            assert {k for k, v in body["needs"].items() if v != "ok"} == sick
            needs = ask_health(made, "web-service")[1]["needs"]
            assert needs == {"gateway": "answers 503"}
            assert ask_health(made, "kb-service")[0] == 200  # it needs neither
            wait_for(lambda: statuses(made)["gateway"] == "unhealthy", "gateway to be unhealthy")
            # Back again, it is seen soon: no probe sleeps over a recovery.
            made.compose("start", lost)
            wait_for(lambda: set(statuses(made).values()) == {"healthy"}, "all to be healthy")


def test_services_go_on_with_a_database_that_came_back_empty(project: Path) -> None:
    with environment(project) as made:
        made.up()
        assert register(made) == "201"
        assert register(made) == "409"
        # Its data are in memory: the pools' connections are dead and the tables are gone.
        made.compose("restart", "--timeout", "2", "db")
        wait_for(lambda: ask_health(made, "gateway")[0] == 200, "the gateway to be well")
        assert register(made) == "201"


def test_two_environments_do_not_see_each_other(project: Path) -> None:
    with environment(project) as first, environment(project) as second:
        first.up()
        second.up()
        first.compose("exec", "-T", "redis", "redis-cli", "set", "whose", "first")
        seen = second.compose("exec", "-T", "redis", "redis-cli", "get", "whose").stdout
        assert seen.strip() == ""
        first.remove()
        assert statuses(second) == dict.fromkeys(SERVICES, "healthy")


def test_ports_on_request_are_on_loopback(project: Path) -> None:
    with environment(project, files=WITH_PORTS) as made:
        made.up()
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


def test_no_bytecode_is_written_beside_the_sources(shared: Environment) -> None:
    shared.test("pytest", "-q", "tests/unit/test_text.py")
    assert list(shared.root.rglob("__pycache__")) == []


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


def test_services_end_cleanly(shared: Environment) -> None:
    shared.compose("stop", "--timeout", "60", *OURS)
    for service in OURS:
        name = shared.compose("ps", "--all", "-q", service).stdout.strip()
        assert docker("inspect", "-f", "{{.State.ExitCode}}", name).stdout.strip() == "0"
    shared.up()
