"""Registering, signing in, and being known by a token."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from tests.fixtures.clients import Platform, answered
from tests.fixtures.factories import PASSWORD, AsyncMakeUser, MakeUser, User
from walkaway.isolation.factories import Unique

pytestmark = pytest.mark.security


def me(client: httpx.Client, token: str) -> httpx.Response:
    return client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})


def test_who_registers_can_sign_in_and_is_known(client: httpx.Client, make_user: MakeUser) -> None:
    user = make_user()
    assert answered(me(client, user.token)) == {"id": user.id, "email": user.email}


async def test_many_can_register_at_once(
    async_client: httpx.AsyncClient, async_make_user: AsyncMakeUser
) -> None:
    users = [await async_make_user() for _ in range(3)]
    known = [await async_client.get("/auth/me", headers=user.headers) for user in users]
    assert [answered(answer)["id"] for answer in known] == [user.id for user in users]


def test_a_login_says_what_the_token_is_and_how_long_it_lives(
    client: httpx.Client, make_user: MakeUser
) -> None:
    user = make_user()
    given = {"email": user.email, "password": user.password}
    granted = answered(client.post("/auth/login", json=given))
    assert granted.keys() == {"token", "token_type", "expires_in"}
    assert granted["token_type"] == "bearer"  # noqa: S105 - the kind, no secret
    assert granted["expires_in"] > 60


def test_an_address_is_taken_once_however_it_is_written(
    client: httpx.Client, make_user: MakeUser
) -> None:
    user = make_user()
    for email in (user.email, user.email.upper(), f" {user.email}"):
        again = client.post("/auth/register", json={"email": email, "password": PASSWORD})
        assert again.status_code == 409, again.text
        assert again.json() == {"detail": "this e-mail address is taken"}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"password": PASSWORD}, id="no-address"),
        pytest.param({"email": "nobody", "password": PASSWORD}, id="no-domain"),
        pytest.param({"email": "a@b@example.com", "password": PASSWORD}, id="two-domains"),
        pytest.param({"email": "a b@example.com", "password": PASSWORD}, id="space"),
        pytest.param({"email": "x" * 250 + "@example.com", "password": PASSWORD}, id="long"),
        pytest.param({"email": "nobody@example.com", "password": "short"}, id="short-password"),
        pytest.param({"email": "nobody@example.com", "password": "x" * 10_000}, id="long-password"),
        pytest.param({"email": 5, "password": PASSWORD}, id="number"),
        pytest.param([], id="list"),
    ],
)
def test_what_is_no_registration_is_refused(client: httpx.Client, given: object) -> None:
    refused = client.post("/auth/register", json=given)
    assert refused.status_code == 422, refused.text
    assert refused.json()["detail"]


def test_a_refusal_does_not_repeat_the_password(client: httpx.Client) -> None:
    given = {"email": "nobody", "password": "a secret that was typed"}
    assert "a secret" not in client.post("/auth/register", json=given).text


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    client: httpx.Client, make_user: MakeUser, unique: Unique
) -> None:
    user = make_user()
    for email, password in ((user.email, "wrong password"), (unique.email(), user.password)):
        refused = client.post("/auth/login", json={"email": email, "password": password})
        assert refused.status_code == 401, refused.text
        assert refused.json() == {"detail": "wrong e-mail address or password"}


def test_without_a_token_nobody_is_known(client: httpx.Client) -> None:
    refused = client.get("/auth/me")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert "detail" in refused.json()


def changed(token: str, **claims: object) -> str:
    """Return the token with other claims under the old signature."""
    header, payload, signature = token.split(".")
    return ".".join((header, packed(unpacked(payload) | claims), signature))


def unsigned(token: str) -> str:
    _, payload, _ = token.split(".")
    return f"{packed({'alg': 'none', 'typ': 'JWT'})}.{payload}."


def unpacked(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return found


def packed(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def forgeries(mine: User, other: User) -> dict[str, str]:
    return {
        "another user": changed(mine.token, sub=str(other.id)),
        "a later end": changed(mine.token, exp=unpacked(mine.token.split(".")[1])["exp"] + 1),
        "no signature": unsigned(mine.token),
        "half a token": mine.token[: len(mine.token) // 2],
        "another's signature": ".".join((*mine.token.split(".")[:2], other.token.split(".")[2])),
        "no token": "nonsense",
    }


def test_a_forged_token_is_nobodys(client: httpx.Client, make_user: MakeUser) -> None:
    for how, token in forgeries(make_user(), make_user()).items():
        refused = me(client, token)
        assert refused.status_code == 401, how
        assert refused.headers["WWW-Authenticate"] == "Bearer", how


def test_auth_vouches_for_a_token_to_the_services_as_well(
    client: httpx.Client, platform: Platform, make_user: MakeUser
) -> None:
    user = make_user()
    valid = client.get(f"{platform.auth}/validate", headers=user.headers)
    assert answered(valid) == {"id": user.id, "email": user.email}
    assert client.get(f"{platform.auth}/validate").status_code == 401
