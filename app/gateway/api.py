"""The routes of the gateway: who asks, whether that is too often, and who answers.

Public: all that comes in is anybody's. What goes on to the other services names a user that auth
has vouched for.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from redis.exceptions import RedisError

from app import caller, health, store
from app.gateway.limits import Limits, lowered
from app.gateway.upstream import Upstream
from app.ratelimit import Rate
from app.service import assemble
from app.settings import Environ, RefusedError

TEST_RATE = "X-Test-Rate"
"""`PER_SECOND/BURST`: a test's own, lower rate, with a bucket of its own; ENVIRONMENT=test only."""

PREFIX = "/api/v1"
_OPEN = (("POST", "/auth/register", "/register"), ("POST", "/auth/login", "/login"))
"""Method, path here, path at auth: what needs no token."""
_CLOSED = (
    ("chat", "/conversations", ("GET", "POST")),
    ("chat", "/conversations/{conversation_id}", ("GET", "DELETE")),
    ("chat", "/conversations/{conversation_id}/messages", ("POST",)),
    ("chat", "/conversations/{conversation_id}/messages/stream", ("POST",)),
    ("kb", "/kb/documents", ("GET",)),
    ("kb", "/kb/documents/{path:path}", ("GET", "PUT", "DELETE")),
    ("kb", "/kb/search", ("GET",)),
)
_OK = 200
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Gateway:
    upstream: Upstream
    limits: Limits
    rate: Rate
    is_test: bool

    def open(self, path: str) -> Callable[[Request], Awaitable[Response]]:
        """Return the answer to what needs no token: auth's, at a path of its own."""

        async def answer(request: Request) -> Response:
            await self._let_in(request, _address(request))
            return await self.upstream.hand_on(request, "auth", path)

        return answer

    def closed(self, service: str) -> Callable[[Request], Awaitable[Response]]:
        """Return the answer to what needs a token: a service's, for the user of the token."""

        async def answer(request: Request) -> Response:
            user_id = await self._user(request)
            return await self.upstream.hand_on(request, service, _path(request, service), user_id)

        return answer

    async def me(self, request: Request) -> Response:
        await self._let_in(request, _address(request))
        return await self.upstream.hand_on(request, "auth", "/validate")

    async def _user(self, request: Request) -> int:
        """Return the user of the token, who is let in; all others are turned away."""
        token = request.headers.get("authorization", "")
        asked = await self.upstream.ask("auth", "GET", "/validate", {"authorization": token})
        content = await self.upstream.read(asked, "auth")
        if asked.status_code == _OK:
            user_id = int(asked.json()["id"])
            await self._let_in(request, f"user:{user_id}")
            return user_id
        await self._let_in(request, _address(request))
        if asked.status_code == _UNAUTHORIZED:
            raise HTTPException(401, "sign in first", {"WWW-Authenticate": "Bearer"})
        raise HTTPException(503, f"auth answers {asked.status_code}: {content[:100]!r}")

    async def _let_in(self, request: Request, client: str) -> None:
        rate = self.rate
        given = request.headers.get(TEST_RATE) if self.is_test else None
        if given:
            try:
                rate = lowered(rate, given)
            except ValueError as error:
                raise HTTPException(400, f"{TEST_RATE}: {error}") from None
            client = f"{client}:{rate.per_second}/{rate.burst}"
        try:
            decision = await self.limits.ask(client, rate)
        except RedisError:
            raise HTTPException(503, "the rate limit cannot be asked") from None
        if not decision.allowed:
            wait_s = max(1, math.ceil(decision.retry_after_s))
            raise HTTPException(429, "too many requests", {"Retry-After": str(wait_s)})


def _address(request: Request) -> str:
    return f"address:{request.client.host if request.client else ''}"


def _path(request: Request, service: str) -> str:
    """Return the path at the service, as the client wrote it: it is decoded there, once."""
    raw: bytes = request.scope["raw_path"]
    return raw.decode("ascii").removeprefix(PREFIX).removeprefix("/kb" if service == "kb" else "")


def application(environ: Environ, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """Make the service. `RefusedError` without the URLs of auth, chat, kb and Redis.

    `transport`: the way to other services, unless it is the network.
    """
    urls = {
        "auth": environ.url("AUTH_SERVICE_URL"),
        "chat": environ.url("CHAT_SERVICE_URL"),
        "kb": environ.url("KB_SERVICE_URL"),
    }
    redis = store.connect(environ)
    client = caller.client(environ.number("UPSTREAM_TIMEOUT_S", 10.0, least=0.1), transport)
    gateway = Gateway(Upstream(client, urls), Limits(redis), _rate(environ), environ.is_test)

    async def ping() -> None:
        await redis.ping()

    router = APIRouter(prefix=PREFIX)
    for method, path, theirs in _OPEN:
        router.add_api_route(path, gateway.open(theirs), methods=[method])
    router.add_api_route("/auth/me", gateway.me, methods=["GET"])
    for service, path, methods in _CLOSED:
        router.add_api_route(path, gateway.closed(service), methods=list(methods))
    services = {name: health.of_service(client, url) for name, url in urls.items()}
    needs = health.Needs(services | {"redis": ping}, health.SERVICE_S)
    return assemble("gateway", environ, router, needs, [client.aclose, redis.aclose])


def _rate(environ: Environ) -> Rate:
    try:
        burst = int(environ.number("RATE_BURST", 40))
        return Rate(environ.number("RATE_PER_SECOND", 10.0), burst)
    except ValueError as error:
        raise RefusedError(f"RATE_PER_SECOND, RATE_BURST: {error}.") from None
