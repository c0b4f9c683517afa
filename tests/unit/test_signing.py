"""Passwords and tokens."""

from __future__ import annotations

import time

import jwt
import pytest

from app.auth.passwords import passwords
from app.auth.tokens import Tokens

pytestmark = pytest.mark.security
SECRET = "s" * 32
TOKENS = Tokens(SECRET, 60)
CHEAP = passwords(cheap=True)


async def test_a_password_matches_its_own_hash_and_no_other() -> None:
    stored = await CHEAP.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await CHEAP.matches("correct horse", stored)
    assert not await CHEAP.matches("correct hors", stored)


async def test_equal_passwords_have_different_hashes() -> None:
    assert await CHEAP.hash("correct horse") != await CHEAP.hash("correct horse")


@pytest.mark.parametrize("stored", [None, "", "no hash", "$argon2id$broken"])
async def test_nobody_signs_in_where_there_is_no_hash(stored: str | None) -> None:
    assert not await CHEAP.matches("nobody has this password", stored)


def test_outside_of_tests_a_hash_is_expensive() -> None:
    hasher = passwords(cheap=False).hasher
    assert hasher.memory_cost >= 19 * 1024
    assert hasher.time_cost >= 2


def test_a_token_says_whose_it_is() -> None:
    assert TOKENS.user_id(TOKENS.issue(7)) == 7


def test_a_token_is_of_no_use_once_it_is_too_old() -> None:
    assert TOKENS.user_id(TOKENS.issue(7, now_s=time.time() - 61)) is None


def claims(**changed: object) -> dict[str, object]:
    now_s = int(time.time())
    made = {"sub": "7", "iss": "walkaway-platform", "iat": now_s, "exp": now_s + 60}
    return {k: v for k, v in (made | changed).items() if v is not None}


def test_the_claims_of_these_tests_are_good_ones() -> None:
    assert TOKENS.user_id(jwt.encode(claims(), SECRET, "HS256")) == 7


@pytest.mark.parametrize(
    "changed",
    [{"sub": "x"}, {"sub": None}, {"exp": None}, {"iat": None}, {"iss": None}, {"iss": "other"}],
)
def test_a_token_without_the_right_claims_is_nobodys(changed: dict[str, object]) -> None:
    assert TOKENS.user_id(jwt.encode(claims(**changed), SECRET, "HS256")) is None


def test_a_token_that_others_signed_or_nobody_is_nobodys() -> None:
    assert TOKENS.user_id(jwt.encode(claims(), "t" * 32, "HS256")) is None
    assert TOKENS.user_id(jwt.encode(claims(), "s" * 64, "HS512")) is None
    assert TOKENS.user_id(jwt.encode(claims(), None, "none")) is None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "." * 1000])
def test_what_is_no_token_is_nobodys(token: str) -> None:
    assert TOKENS.user_id(token) is None
