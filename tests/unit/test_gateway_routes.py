"""gateway: who is let in, how often, and what reaches the services behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fakeredis import FakeAsyncRedis
from fastapi import FastAPI, Request

from app import caller
from app.auth import api as auth
from app.gateway import api as gateway
from app.gateway.limits import Limits
from app.gateway.upstream import USER_HEADER, Upstream
from app.journal import HEADER
from app.kb import api as kb
from app.ratelimit import Rate
from tests.unit.served import Mesh, asked, behind_the_gateway, environ

ANN = {"email": "ann@example.com", "password": "correct horse"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway, and auth, chat and kb behind it."""
    made = environ(tmp_path)
    apps = behind_the_gateway(made)
    front = gateway.application(made, Mesh(**apps))
    async with asked(apps["auth"]), asked(apps["chat"]), asked(front, "http://gateway") as found:
        yield found


@pytest.fixture
async def ann(client: httpx.AsyncClient) -> dict[str, str]:
    """The headers of a user who is signed in."""
    await client.post("/api/v1/auth/register", json=ANN)
    granted = await client.post("/api/v1/auth/login", json=ANN)
    return {"Authorization": f"Bearer {granted.json()['token']}"}


async def test_it_leads_to_all_services(client: httpx.AsyncClient, ann: dict[str, str]) -> None:
    assert (await client.get("/api/v1/auth/me", headers=ann)).json()["email"] == ANN["email"]
    made = await client.post("/api/v1/conversations", json={"title": "x"}, headers=ann)
    assert made.status_code == 201
    put = await client.put("/api/v1/kb/documents/a%20b", json={"content": "word"}, headers=ann)
    assert (put.status_code, put.json()["path"]) == (201, "a b")
    found = await client.get("/api/v1/kb/search?q=word", headers=ann)
    assert [hit["path"] for hit in found.json()] == ["a b"]
    removed = await client.delete("/api/v1/kb/documents/a%20b", headers=ann)
    assert (removed.status_code, removed.content) == (204, b"")


async def test_it_is_well_when_all_behind_it_are(client: httpx.AsyncClient) -> None:
    health = await client.get("/health")
    needs = dict.fromkeys(("auth", "chat", "kb", "redis"), "ok")
    assert (health.status_code, health.json()["needs"]) == (200, needs)


async def test_a_service_that_is_away_is_named(tmp_path: Path) -> None:
    made = environ(tmp_path)
    behind = {"auth": auth.application(made), "kb": kb.application(made)}
    async with asked(behind["auth"]), asked(gateway.application(made, Mesh(**behind))) as client:
        health = await client.get("/health")
    needs = {"auth": "ok", "chat": "nobody is there", "kb": "ok", "redis": "ok"}
    assert (health.status_code, health.json()["needs"]) == (503, needs)


CLOSED = [(method, path) for _, path, methods in gateway._CLOSED for method in methods]
assert len(CLOSED) >= 10


@pytest.mark.security
@pytest.mark.parametrize("token", ["", "Bearer x.y.z"])
async def test_nobody_gets_anything_without_a_token(client: httpx.AsyncClient, token: str) -> None:
    headers = {"Authorization": token, USER_HEADER: "1"}
    for method, template in CLOSED:
        path = template.replace("{conversation_id}", "1").replace("{path:path}", "x")
        answer = await client.request(method, f"/api/v1{path}", headers=headers)
        assert (answer.status_code, method, path) == (401, method, path)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.security
async def test_what_is_not_listed_is_not_handed_on(
    client: httpx.AsyncClient, ann: dict[str, str]
) -> None:
    for path in ("/validate", "/api/v1/validate", "/api/v1/kb/health", "/docs", "/openapi.json"):
        assert (await client.get(path, headers=ann)).status_code == 404


def echo() -> FastAPI:
    """Return a service that tells which headers reached it, whatever it is asked."""
    app = FastAPI()

    @app.get("/conversations")
    @app.get("/validate")
    async def tell(request: Request) -> dict[str, object]:
        return {"id": 7, "headers": request.headers.items()}

    return app


@pytest.mark.security
async def test_a_clients_own_user_id_and_token_go_no_further(tmp_path: Path) -> None:
    front = gateway.application(environ(tmp_path), Mesh(auth=echo(), chat=echo()))
    own = {"Authorization": "Bearer x", USER_HEADER: "1", "Cookie": "a=b", HEADER: "r-1"}
    async with asked(front) as client:
        answer = await client.get("/api/v1/conversations", headers=own)
    found = [(name, value) for name, value in answer.json()["headers"]]
    assert [value for name, value in found if name == USER_HEADER.lower()] == ["7"]
    assert [value for name, value in found if name == HEADER.lower()] == ["r-1"]
    assert not {"authorization", "cookie"} & {name for name, _ in found}
    assert answer.headers[HEADER] == "r-1"


async def test_each_answer_has_an_id_and_no_two_the_same(client: httpx.AsyncClient) -> None:
    ids = [(await client.get("/health")).headers[HEADER] for _ in range(3)]
    assert len(set(ids)) == 3


@pytest.mark.security
async def test_who_asks_too_often_is_told_when_to_return(
    client: httpx.AsyncClient, ann: dict[str, str]
) -> None:
    slow = {**ann, gateway.TEST_RATE: "0.1/2"}
    answers = [await client.get("/api/v1/conversations", headers=slow) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json() == {"detail": "too many requests"}
    assert answers[2].headers["Retry-After"] == "10"
    assert (await client.get("/api/v1/conversations", headers=ann)).status_code == 200


async def test_what_is_no_rate_of_a_test_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/auth/me", headers={gateway.TEST_RATE: "fast"})
    assert answer.status_code == 400
    assert "'fast' is not PER_SECOND/BURST" in answer.json()["detail"]


@pytest.mark.security
async def test_a_rate_of_ones_own_is_a_tests_alone(tmp_path: Path) -> None:
    made = environ(tmp_path)
    slow = {gateway.TEST_RATE: "0.001/1"}
    rules = gateway.application(made, Mesh(auth=echo()))
    async with asked(rules) as client:
        tested = [(await client.get("/api/v1/auth/me", headers=slow)).status_code for _ in range(3)]
    assert tested == [200, 429, 429]
    async with FakeAsyncRedis() as redis:
        upstream = Upstream(caller.client(5.0, Mesh(auth=echo())), {"auth": "http://auth"})
        elsewhere = gateway.Gateway(upstream, Limits(redis), Rate(100.0, 100), is_test=False)
        app = FastAPI()
        app.add_api_route("/me", elsewhere.me)
        async with asked(app) as client:
            used = [(await client.get("/me", headers=slow)).status_code for _ in range(3)]
        await upstream.client.aclose()
    assert used == [200, 200, 200]


@pytest.mark.security
async def test_without_redis_nobody_is_let_in(tmp_path: Path) -> None:
    made = environ(tmp_path, REDIS_URL="redis://127.0.0.1:1/0")
    async with asked(gateway.application(made, Mesh(auth=echo()))) as client:
        answer = await client.get("/api/v1/auth/me")
        health = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "the rate limit cannot be asked"}
    assert health.json()["needs"]["redis"] != "ok"


@pytest.mark.security
async def test_too_much_is_refused_before_it_is_handed_on(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/auth/register", content=b"x" * (1024**2 + 1))
    assert answer.status_code == 413


class Breaking(httpx.AsyncByteStream):
    """What a service sends that dies in the middle of it."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"event: token\ndata: {}\n\n"
        raise httpx.RemoteProtocolError("gone")


async def test_a_stream_that_breaks_off_says_so(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth":
            return httpx.Response(200, json={"id": 1})
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Breaking())

    front = gateway.application(environ(tmp_path), httpx.MockTransport(answer))
    async with asked(front) as client:
        told = await client.post("/api/v1/conversations/1/messages/stream", json={})
    assert told.text == (
        'event: token\ndata: {}\n\nevent: error\ndata: {"detail": "chat broke off"}\n\n'
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (httpx.ConnectError("refused"), 503),
        (httpx.ReadTimeout("slow"), 504),
        (httpx.ReadError(""), 503),
    ],
)
async def test_a_service_that_does_not_answer_is_told_apart(
    tmp_path: Path, error: Exception, status: int
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth":
            return httpx.Response(200, json={"id": 1})
        raise error

    async with asked(gateway.application(environ(tmp_path), httpx.MockTransport(answer))) as client:
        told = await client.get("/api/v1/conversations")
    assert told.status_code == status
    assert told.json()["detail"].startswith("chat ")
