"""How the services are, each by itself, and all of them at the gateway."""

from __future__ import annotations

import socket

import httpx
import pytest

from tests.fixtures.apart import StartApart
from tests.fixtures.clients import Platform, answered

NEEDS = {
    "gateway": {"auth", "chat", "kb", "redis"},
    "auth": {"database"},
    "chat": {"database"},
    "kb": {"folder"},
    "web": {"gateway"},
}


@pytest.mark.parametrize("service", list(NEEDS))
def test_every_service_is_well_and_says_what_it_needs(
    client: httpx.Client, platform: Platform, service: str
) -> None:
    found = answered(client.get(f"{getattr(platform, service)}/health"))
    needs = dict.fromkeys(NEEDS[service], "ok")
    assert found == {"service": service, "healthy": True, "needs": needs}


def test_what_is_missing_makes_all_that_need_it_unwell_and_is_named(
    client: httpx.Client, start_apart: StartApart
) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        away = f"postgresql://nobody@127.0.0.1:{bound.getsockname()[1]}/none"
        made = start_apart("gateway", "chat", DATABASE_URL=away)
        chat = answered(client.get(f"{made.urls['chat']}/health"), 503)
        gateway = answered(client.get(f"{made.urls['gateway']}/health"), 503)
    assert chat["healthy"] is gateway["healthy"] is False
    assert chat["needs"]["database"] not in {"", "ok"}
    unwell = {name: how for name, how in gateway["needs"].items() if how != "ok"}
    assert unwell == {"chat": "answers 503"}


def test_what_is_nowhere_is_404_in_json(client: httpx.Client, platform: Platform) -> None:
    for url in (f"{platform.gateway}/api/v1/nothing", f"{platform.chat}/nothing"):
        assert answered(client.get(url), 404)["detail"]
