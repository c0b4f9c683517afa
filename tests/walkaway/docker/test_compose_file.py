"""What docker-compose.yml promises. The docker command reads it; no engine is needed."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.walkaway.support.checkout import REPOSITORY, clean_environment

BOTH = ("docker-compose.yml", "docker-compose.ports.yml")
OURS = ("auth-service", "chat-service", "gateway", "kb-service", "web-service")
ALL = (*OURS, "db", "redis", "test")


def config(*files: str, **environ: str) -> dict[str, Any]:
    """Return what Compose makes of the files, with defaults wherever `environ` says nothing."""
    words = [word for name in files or BOTH[:1] for word in ("-f", name)]
    ours = ("WALKAWAY", "POSTGRES_", "REDIS_", "PYTHON_", "COMPOSE_")
    kept = {k: v for k, v in clean_environment().items() if not k.startswith(ours)}
    try:
        done = subprocess.run(
            ["docker", "compose", *words, "--profile", "*", "config", "--format", "json"],
            cwd=REPOSITORY,
            env=kept | environ,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no docker command")
    if "is not a docker command" in done.stderr:
        pytest.skip("this docker has no plugin compose")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = config()["services"]
    return found


def test_the_services_are_the_references(services: dict[str, Any]) -> None:
    assert sorted(services) == sorted(ALL)


def test_a_person_who_says_up_starts_the_services_and_no_tests(services: dict[str, Any]) -> None:
    assert {name: found.get("profiles") for name, found in services.items()} == {
        **dict.fromkeys(ALL),
        "test": ["test"],
    }


def test_the_tests_see_the_references_environment(services: dict[str, Any]) -> None:
    assert services["test"]["environment"] == {
        "PYTHONPATH": "/app",
        "HOME": "/tmp",
        "DATABASE_URL": "postgresql://postgres:postgres@db:5432/gaia_test",
        "REDIS_URL": "redis://redis:6379/1",
        "WEB_SERVICE_URL": "http://web-service:8001",
        "GATEWAY_URL": "http://gateway:8000",
        "AUTH_SERVICE_URL": "http://auth-service:8000",
        "CHAT_SERVICE_URL": "http://chat-service:8000",
        "KB_SERVICE_URL": "http://kb-service:8000",
        "ENVIRONMENT": "test",
    }


def test_code_tests_and_settings_are_those_of_the_checkout(services: dict[str, Any]) -> None:
    mounts = {
        (found["source"], found["target"], found.get("read_only", False))
        for found in services["test"]["volumes"]
    }
    assert mounts == {
        (f"{REPOSITORY}/tests", "/app/tests", False),
        (f"{REPOSITORY}/app", "/app/app", False),
        (f"{REPOSITORY}/walkaway", "/app/walkaway", True),
        (f"{REPOSITORY}/logs", "/app/logs", False),
        (f"{REPOSITORY}/pytest.ini", "/app/pytest.ini", True),
        (f"{REPOSITORY}/pyproject.toml", "/app/pyproject.toml", True),
    }


def test_tests_wait_for_healthy_services(services: dict[str, Any]) -> None:
    conditions = {k: v["condition"] for k, v in services["test"]["depends_on"].items()}
    assert conditions == dict.fromkeys((*OURS, "db", "redis"), "service_healthy")


@pytest.mark.parametrize("name", sorted({*ALL} - {"test"}))
def test_every_service_says_how_it_is(services: dict[str, Any], name: str) -> None:
    check = services[name]["healthcheck"]
    # Compose refuses start_interval with an engine before 25.
    assert "start_interval" not in check
    assert services[name]["environment"]["PROBE"]


@pytest.mark.parametrize("name", OURS)
def test_our_services_may_do_little(services: dict[str, Any], name: str) -> None:
    found = services[name]
    assert found["cap_drop"] == ["ALL"]
    assert found["read_only"] is True
    assert "user" not in found  # the image's, who is not root: see test_image


@pytest.mark.parametrize("name", OURS)
def test_no_secret_stands_in_the_file(services: dict[str, Any], name: str) -> None:
    assert not [key for key in services[name]["environment"] if "SECRET" in key]
    assert not [key for key in services[name]["environment"] if key.startswith("FAULT")]


@pytest.mark.parametrize("name", ALL)
def test_every_container_is_bounded_and_has_an_init(services: dict[str, Any], name: str) -> None:
    found = services[name]
    assert found["init"] is True
    assert found["mem_limit"] == found["memswap_limit"]  # no swap
    assert float(found["cpus"]) > 0
    assert int(found["pids_limit"]) > 0
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["logging"] == {
        "driver": "json-file",
        "options": {"max-size": "10m", "max-file": "3"},
    }


def test_pytest_is_asked_to_end_by_the_signal_that_it_reports_on(services: dict[str, Any]) -> None:
    assert services["test"]["stop_signal"] == "SIGINT"


def test_limits_images_and_user_can_be_given() -> None:
    given = config(
        WALKAWAY_TEST_MEMORY="512m",
        WALKAWAY_TEST_CPUS="0.5",
        WALKAWAY_TEST_PIDS="99",
        WALKAWAY_UID="1234",
        WALKAWAY_GID="5678",
        WALKAWAY_TEST_IMAGE="mine:1",
        POSTGRES_IMAGE="p:1",
        REDIS_IMAGE="r:1",
        PYTHON_IMAGE="py:1",
    )["services"]
    test = given["test"]
    assert (int(test["mem_limit"]), int(test["memswap_limit"])) == (512 * 1024**2,) * 2
    assert (float(test["cpus"]), int(test["pids_limit"])) == (0.5, 99)
    assert test["user"] == "1234:5678"
    assert test["build"]["args"] == {"PYTHON_IMAGE": "py:1"}
    assert {name: found["image"] for name, found in given.items()} == {
        **dict.fromkeys(("test", *OURS), "mine:1"),
        "db": "p:1",
        "redis": "r:1",
    }


def test_unless_given_limits_are_the_references(services: dict[str, Any]) -> None:
    test = services["test"]
    assert (int(test["mem_limit"]), float(test["cpus"])) == (2 * 1024**3, 2.0)


def test_what_a_lease_resets_is_labelled(services: dict[str, Any]) -> None:
    resets = {
        name: found.get("labels", {}).get("walkaway.reset") for name, found in services.items()
    }
    assert resets == {**dict.fromkeys(ALL), "db": "postgres", "redis": "redis"}


def test_nothing_in_it_is_unique_on_a_machine(services: dict[str, Any]) -> None:
    for found in services.values():
        assert not {"container_name", "ports", "network_mode", "hostname"} & found.keys()
        assert set(found["networks"]) == {"default"}
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    assert not re.search(r"^(name|networks|volumes):", text, re.MULTILINE)


def test_ports_that_are_asked_for_are_on_loopback_and_the_kernels_choice() -> None:
    services = config(*BOTH)["services"]
    published = {name: found["ports"] for name, found in services.items() if "ports" in found}
    assert sorted(published) == sorted({*ALL} - {"test"})
    for (port,) in published.values():
        assert port["host_ip"] == "127.0.0.1"
        assert port.get("published", "") in {"", "0"}
