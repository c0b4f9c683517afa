"""One id joins all that the services say of a request."""

from __future__ import annotations

import httpx
import pytest

from tests.fixtures.apart import StartApart
from tests.fixtures.clients import Platform, answered
from tests.fixtures.factories import MakeUser
from walkaway.isolation.factories import Unique

HEADER = "X-Request-Id"
SERVICES = ("gateway", "auth", "chat", "kb", "web")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_returns_the_id_that_it_is_given(
    client: httpx.Client, platform: Platform, unique: Unique, service: str
) -> None:
    mine = f"{unique('id')}.A-z"
    for path in ("/health", "/nothing"):
        url = f"{getattr(platform, service)}{path}"
        assert client.get(url, headers={HEADER: mine}).headers[HEADER] == mine


@pytest.mark.security
@pytest.mark.parametrize("given", ["", "two words", "x" * 129, 'a"b', "<script>", "a/b"])
def test_what_is_no_id_is_replaced(client: httpx.Client, platform: Platform, given: str) -> None:
    made = client.get(f"{platform.gateway}/health", headers={HEADER: given}).headers[HEADER]
    assert made
    assert made != given
    assert made.isalnum()


def test_the_services_that_answer_a_request_log_one_id(
    client: httpx.Client, make_user: MakeUser, start_apart: StartApart, unique: Unique
) -> None:
    mine, headers = unique("id"), make_user().headers
    made = start_apart("gateway", "auth", "chat", JWT_SECRET="")
    signed_in = login(client, made.api, make_user)
    asked = client.post(
        f"{made.api}/conversations", json={"title": mine}, headers=signed_in | {HEADER: mine}
    )
    answered(asked, 201)
    refused = client.get(f"{made.api}/conversations", headers=headers | {HEADER: f"{mine}-2"})
    assert refused.status_code == 401  # signed by another auth
    said = {
        (line["service"], line["method"], line["path"], line["status"])
        for line in made.said(mine, 3)
    }
    assert said == {
        ("auth", "GET", "/validate", 200),
        ("chat", "POST", "/conversations", 201),
        ("gateway", "POST", "/api/v1/conversations", 201),
    }
    assert {line["service"] for line in made.said(f"{mine}-2", 2)} == {"auth", "gateway"}


def login(client: httpx.Client, api: str, make_user: MakeUser) -> dict[str, str]:
    """Sign a new user in elsewhere than in the environment."""
    user = make_user()
    given = {"email": user.email, "password": user.password}
    token = answered(client.post(f"{api}/auth/login", json=given))["token"]
    return {"Authorization": f"Bearer {token}"}
