"""What the environment may say, and what a service refuses to start with."""

from __future__ import annotations

import pytest

from app import faults, store
from app.chat.api import application as chat
from app.gateway.api import application as gateway
from app.settings import Environ, RefusedError


def test_an_environment_that_says_nothing_is_production() -> None:
    assert Environ({}).environment == "production"
    assert not Environ({"ENVIRONMENT": ""}).is_test
    assert Environ({"ENVIRONMENT": "test"}).is_test


def test_what_is_needed_and_not_there_is_named() -> None:
    assert Environ({"A": "x"}).text("A") == "x"
    assert Environ({"A": ""}).text("A", "default") == "default"
    with pytest.raises(RefusedError, match="DATABASE_URL is not set"):
        Environ({"DATABASE_URL": ""}).text("DATABASE_URL")


@pytest.mark.parametrize("text", ["many", "nan", "inf", "-1", "1,5"])
def test_a_number_that_is_none_is_refused_with_what_was_given(text: str) -> None:
    with pytest.raises(RefusedError, match=f"A is '{text}'"):
        Environ({"A": text}).number("A", 1)


def test_a_number_has_a_default_and_a_least() -> None:
    assert Environ({}).number("A", 2.5) == 2.5
    assert Environ({"A": "0"}).number("A", 2.5) == 0
    with pytest.raises(RefusedError, match="from 1 up"):
        Environ({"A": "0"}).number("A", 2.5, least=1)


@pytest.mark.parametrize("url", ["gateway:8000", "ftp://gateway", "http://", "/health"])
def test_a_url_that_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="an http URL is needed"):
        Environ({"GATEWAY_URL": url}).url("GATEWAY_URL")


def test_a_url_ends_without_a_slash() -> None:
    assert Environ({"A": "http://kb:8000/"}).url("A") == "http://kb:8000"


@pytest.mark.security
@pytest.mark.parametrize("environment", ["", "production", "Test", "testing"])
@pytest.mark.parametrize("secret", ["", "short", "x" * 31])
def test_only_a_test_environment_makes_up_a_secret(environment: str, secret: str) -> None:
    with pytest.raises(RefusedError, match=f"JWT_SECRET has {len(secret)} characters"):
        Environ({"ENVIRONMENT": environment, "JWT_SECRET": secret}).secret("JWT_SECRET")


@pytest.mark.security
def test_a_secret_that_was_made_up_is_nobody_elses() -> None:
    environ = Environ({"ENVIRONMENT": "test"})
    assert len({environ.secret("JWT_SECRET") for _ in range(5)}) == 5
    assert Environ({"JWT_SECRET": "x" * 32}).secret("JWT_SECRET") == "x" * 32


@pytest.mark.security
def test_a_weak_secret_is_refused_even_in_a_test() -> None:
    with pytest.raises(RefusedError, match="32 are needed"):
        Environ({"ENVIRONMENT": "test", "JWT_SECRET": "short"}).secret("JWT_SECRET")


@pytest.mark.security
@pytest.mark.parametrize("name", faults.NAMES)
def test_a_fault_outside_a_test_environment_keeps_a_service_from_starting(name: str) -> None:
    values = {"DATABASE_URL": "sqlite://", name: "1"}
    with pytest.raises(RefusedError, match=f"{name}: faults are for ENVIRONMENT=test"):
        chat(Environ(values))


@pytest.mark.security
def test_redis_in_memory_is_for_tests() -> None:
    with pytest.raises(RefusedError, match="REDIS_URL is 'memory://'"):
        store.connect(Environ({"REDIS_URL": "memory://"}))


@pytest.mark.parametrize("values", [{"RATE_PER_SECOND": "0"}, {"RATE_BURST": "0.5"}])
def test_a_rate_that_lets_nobody_in_keeps_the_gateway_from_starting(values: dict[str, str]) -> None:
    urls = {f"{name}_SERVICE_URL": "http://x" for name in ("AUTH", "CHAT", "KB")}
    with pytest.raises(RefusedError, match="lets nobody in"):
        gateway(Environ({"ENVIRONMENT": "test", "REDIS_URL": "memory://", **urls, **values}))
