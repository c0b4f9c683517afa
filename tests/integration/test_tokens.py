"""Tokens that were good, or look as if: told apart by who holds the secret."""

from __future__ import annotations

import time

import httpx
import jwt
import pytest

from app.auth.tokens import Tokens
from tests.fixtures.apart import StartApart
from tests.fixtures.factories import MakeUser

pytestmark = pytest.mark.security
SECRET = "x" * 64
HOUR_S = 3600


def test_auth_takes_only_what_it_has_signed_and_what_is_not_too_old(
    client: httpx.Client, make_user: MakeUser, start_apart: StartApart
) -> None:
    me = make_user().id
    made = start_apart("gateway", "auth", JWT_SECRET=SECRET)

    def status(token: str) -> int:
        bearer = {"Authorization": f"Bearer {token}"}
        statuses = {
            client.get(f"{made.urls['auth']}/validate", headers=bearer).status_code,
            client.get(f"{made.api}/auth/me", headers=bearer).status_code,
            client.get(f"{made.api}/conversations", headers=bearer).status_code,
        }
        assert len(statuses) == 1, statuses
        return statuses.pop()

    now_s = time.time()
    ours, theirs = Tokens(SECRET, HOUR_S), Tokens("y" * 64, HOUR_S)
    good = ours.issue(me)
    assert status(good) == 200
    assert status(ours.issue(me, now_s - HOUR_S - 5)) == 401
    assert status(theirs.issue(me)) == 401
    assert status(ours.issue(2**31 - 1)) == 401
    claims = jwt.decode(good, options={"verify_signature": False})
    for wrong in (
        {"iss": "somebody else"},
        {"exp": None},
        {"sub": "me"},
        {"sub": f"{me} OR 1=1"},
        {"iat": int(now_s) + HOUR_S},
    ):
        kept = {name: value for name, value in (claims | wrong).items() if value is not None}
        assert status(jwt.encode(kept, SECRET, algorithm="HS256")) == 401, wrong
    assert status(jwt.encode(claims, SECRET, algorithm="HS512")) == 401
    assert status(jwt.encode(claims, None, algorithm="none")) == 401
