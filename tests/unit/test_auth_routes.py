"""auth: who may register, sign in, and is vouched for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.auth.api import application
from tests.unit.served import asked, environ

ANN = {"email": "ann@example.com", "password": "correct horse"}


@pytest.fixture
async def auth(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with asked(application(environ(tmp_path))) as client:
        yield client


async def test_who_registers_can_sign_in_and_is_vouched_for(auth: httpx.AsyncClient) -> None:
    known = await auth.post("/register", json=ANN)
    assert (known.status_code, known.json()) == (201, {"id": 1, "email": "ann@example.com"})
    granted = (await auth.post("/login", json=ANN)).json()
    assert (granted["token_type"], granted["expires_in"]) == ("bearer", 3600)
    headers = {"Authorization": f"Bearer {granted['token']}"}
    assert (await auth.get("/validate", headers=headers)).json() == known.json()


async def test_an_address_is_taken_once_however_it_is_written(auth: httpx.AsyncClient) -> None:
    await auth.post("/register", json=ANN)
    again = await auth.post("/register", json={**ANN, "email": " Ann@Example.com"})
    assert (again.status_code, again.json()) == (409, {"detail": "this e-mail address is taken"})
    assert (await auth.post("/login", json={**ANN, "email": "ANN@example.com"})).status_code == 200


@pytest.mark.security
@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "wrong horse"},
        {"password": ""},
        {"email": "bob@example.com"},
        {"email": "no address"},
        {"email": "nul\0@example.com"},
    ],
)
async def test_whatever_is_wrong_the_answer_is_the_same(
    auth: httpx.AsyncClient, wrong: dict[str, str]
) -> None:
    await auth.post("/register", json=ANN)
    answer = await auth.post("/login", json=ANN | wrong)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json() == {"detail": "wrong e-mail address or password"}


@pytest.mark.parametrize(
    "bad",
    [
        {"email": "ann"},
        {"email": "ann@example"},
        {"email": "ann@b@example.com"},
        {"email": "a nn@example.com"},
        {"email": "nul\0@example.com"},
        {"email": f"{'a' * 250}@example.com"},
        {"email": None},
        {"password": "short"},
        {"password": "x" * 129},
    ],
)
async def test_what_is_no_address_or_password_is_refused(
    auth: httpx.AsyncClient, bad: dict[str, str | None]
) -> None:
    answer = await auth.post("/register", json=ANN | bad)
    assert answer.status_code == 422
    assert [found["loc"] for found in answer.json()["detail"]] == [["body", *bad]]


@pytest.mark.security
async def test_a_refusal_does_not_repeat_the_password(auth: httpx.AsyncClient) -> None:
    answer = await auth.post("/register", json={"email": "ann", "password": "my very own"})
    assert "my very own" not in answer.text


@pytest.mark.security
@pytest.mark.parametrize("given", ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c"])
async def test_nobody_is_vouched_for_without_a_token(auth: httpx.AsyncClient, given: str) -> None:
    answer = await auth.get("/validate", headers={"Authorization": given})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.security
async def test_a_token_of_another_environment_is_nobodys(
    auth: httpx.AsyncClient, tmp_path: Path
) -> None:
    await auth.post("/register", json=ANN)
    async with asked(application(environ(tmp_path))) as other:  # with a secret of its own
        token = (await other.post("/login", json=ANN)).json()["token"]
    answer = await auth.get("/validate", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


async def test_it_is_well_and_says_what_it_needs(auth: httpx.AsyncClient) -> None:
    answer = await auth.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"service": "auth", "healthy": True, "needs": {"database": "ok"}}


async def test_without_its_database_it_is_unwell_and_says_so(tmp_path: Path) -> None:
    made = environ(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/no/such/folder/x.db")
    async with asked(application(made)) as auth:
        health = await auth.get("/health")
        refused = await auth.post("/register", json=ANN)
    assert (health.status_code, health.json()["healthy"]) == (503, False)
    assert "unable to open database file" in health.json()["needs"]["database"]
    assert refused.status_code == 503
    assert refused.json() == {"detail": "the database does not answer"}
