"""Who asks too often is told when to return, and nobody else notices.

In ENVIRONMENT=test a request may carry a rate of its own, `X-Test-Rate: PER_SECOND/BURST`, which
has a bucket of its own.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

import httpx
import pytest

from tests.fixtures.apart import StartApart
from tests.fixtures.clients import answered
from tests.fixtures.factories import AsyncMakeUser, MakeUser


@pytest.fixture
def rate() -> dict[str, str]:
    """Three at once, and another after 100 s at least: none returns while a test runs.

    A rate that only this test has, for all tests have one address, and SQLite gives the id of a
    user who is gone to another.
    """
    return {"X-Test-Rate": f"0.00{5 * 10**14 + secrets.randbelow(10**14)}/3"}


def test_who_asks_too_often_is_told_when_to_return(
    client: httpx.Client, make_user: MakeUser, rate: dict[str, str]
) -> None:
    headers = make_user().headers | rate
    allowed = [client.get("/conversations", headers=headers).status_code for _ in range(3)]
    assert allowed == [200, 200, 200]
    refused = client.get("/conversations", headers=headers)
    assert refused.status_code == 429
    assert refused.json() == {"detail": "too many requests"}
    assert 100 < int(refused.headers["Retry-After"]) <= 200


def test_other_users_do_not_notice(
    client: httpx.Client, make_user: MakeUser, rate: dict[str, str]
) -> None:
    busy, other = make_user(), make_user()
    asked = [client.get("/conversations", headers=busy.headers | rate) for _ in range(4)]
    assert asked[-1].status_code == 429
    assert client.get("/conversations", headers=other.headers | rate).status_code == 200


async def test_of_many_at_once_no_more_than_the_burst_get_in(
    async_client: httpx.AsyncClient, async_make_user: AsyncMakeUser, rate: dict[str, str]
) -> None:
    headers = (await async_make_user()).headers | rate
    asked = [async_client.get("/conversations", headers=headers) for _ in range(12)]
    statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
    assert sorted(statuses) == [200] * 3 + [429] * 9


@pytest.mark.security
def test_who_is_not_signed_in_is_limited_by_address(
    client: httpx.Client, rate: dict[str, str]
) -> None:
    given = {"email": "nobody@example.com", "password": "a wrong password"}
    tries = [client.post("/auth/login", json=given, headers=rate) for _ in range(4)]
    assert [answer.status_code for answer in tries] == [401, 401, 401, 429]
    assert client.get("/conversations", headers=rate).status_code == 429


@pytest.mark.security
def test_a_rate_can_only_be_lowered(client: httpx.Client, make_user: MakeUser) -> None:
    headers = make_user().headers
    for nonsense in ("fast", "0/0", "-1/5", "1", "nan/3", "1/2/3"):
        refused = client.get("/conversations", headers=headers | {"X-Test-Rate": nonsense})
        assert refused.status_code == 400, nonsense


@pytest.mark.security
def test_only_a_test_environment_has_rates_of_tests(
    client: httpx.Client, make_user: MakeUser, start_apart: StartApart
) -> None:
    headers = make_user().headers
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # but does not listen: whoever connects is refused
        port = bound.getsockname()[1]
        strict = start_apart(
            "gateway", ENVIRONMENT="production", REDIS_URL=f"redis://127.0.0.1:{port}/1"
        )
        # The header is no header there, and without Redis nobody is let in.
        for path in ("/conversations", "/auth/me"):
            asked = headers | {"X-Test-Rate": "nonsense"}
            shut = client.get(f"{strict.api}{path}", headers=asked)
            assert (shut.status_code, shut.json()) == (
                503,
                {"detail": "the rate limit cannot be asked"},
            )
        health = answered(client.get(f"{strict.urls['gateway']}/health"), 503)
    assert {name for name, how in health["needs"].items() if how != "ok"} == {"redis"}
