"""The routes of web: register, sign in, talk. Every form works without a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import httpx
from fastapi import APIRouter, Depends, FastAPI, Form, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware

from app import caller, health
from app.fields import Id
from app.service import assemble
from app.settings import Environ
from app.text import excerpt
from app.web.gateway import Gateway, TroubleError
from app.web.pages import STYLE, page, trouble
from app.web.session import SignedOutError, own_form, sign_in, signed_in

_OURS = [Depends(own_form)]
_SESSION_S = 8 * 3600
_TITLE = 60
_UNAUTHORIZED = 401
Field = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class Web:
    gateway: Gateway

    async def account(self, request: Request) -> HTMLResponse:
        """Show /login or /register."""
        return page(request, "account.html", new=_new(request), error="", address="")

    async def enter(self, request: Request, email: Field = "", password: Field = "") -> Response:
        """Sign in, after registration if that is the page. What is wrong is said in the form."""
        new = _new(request)
        try:
            if new:
                await self.gateway.register(email, password)
            sign_in(request, email.strip(), await self.gateway.login(email, password))
        except TroubleError as error:
            values = {"new": new, "error": error.detail, "address": email}
            return page(request, "account.html", error.status, **values)
        return _see("/chat")

    async def leave(self, request: Request) -> Response:
        request.session.clear()
        return _see("/login")

    async def chats(self, request: Request) -> HTMLResponse:
        found = await self.gateway.conversations(signed_in(request))
        return page(request, "chat.html", conversations=found, current=None)

    async def chat(self, request: Request, conversation_id: Id) -> HTMLResponse:
        token = signed_in(request)
        current = await self.gateway.conversation(token, conversation_id)
        found = await self.gateway.conversations(token)
        return page(request, "chat.html", conversations=found, current=current)

    async def begin(self, request: Request, content: Field = "") -> Response:
        """Begin a conversation with its first message, whose beginning is its title."""
        token = signed_in(request)
        if not content.strip():
            return _see("/chat")
        made = await self.gateway.create(token, excerpt(content, _TITLE))
        await self.gateway.say(token, made, content)
        return _see(f"/chat/{made}")

    async def say(self, request: Request, conversation_id: Id, content: Field = "") -> Response:
        token = signed_in(request)
        if content.strip():
            await self.gateway.say(token, conversation_id, content)
        return _see(f"/chat/{conversation_id}")


def _new(request: Request) -> bool:
    return request.url.path == "/register"


def _see(path: str) -> Response:
    """Redirect after a form: reloading the page sends nothing twice."""
    return RedirectResponse(path, 303)


async def _home() -> Response:
    return _see("/chat")


async def _style() -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=300"})


async def _wrong(request: Request, error: Exception) -> Response:
    """Say on a page what went wrong; who is not signed in (any longer) may do so."""
    status, text = 400, "That cannot be."
    if isinstance(error, TroubleError):
        status, text = error.status, error.detail
    elif isinstance(error, HTTPException):
        status, text = error.status_code, error.detail
    if isinstance(error, SignedOutError) or (
        isinstance(error, TroubleError) and status == _UNAUTHORIZED
    ):
        request.session.clear()
        return _see("/login")
    return trouble(request, text, status)


def application(environ: Environ, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """Make the service. `RefusedError` without GATEWAY_URL or, but for tests, SESSION_SECRET.

    `transport`: the way to the gateway, unless it is the network.
    """
    url = environ.url("GATEWAY_URL")
    client = caller.client(environ.number("UPSTREAM_TIMEOUT_S", 15.0, least=0.1), transport)
    web = Web(Gateway(client, url))
    router = APIRouter()
    for path in ("/login", "/register"):
        router.add_api_route(path, web.account, methods=["GET"])
        router.add_api_route(path, web.enter, methods=["POST"], dependencies=_OURS)
    router.add_api_route("/logout", web.leave, methods=["POST"], dependencies=_OURS)
    router.add_api_route("/chat", web.chats, methods=["GET"])
    router.add_api_route("/chat", web.begin, methods=["POST"], dependencies=_OURS)
    router.add_api_route("/chat/{conversation_id}", web.chat, methods=["GET"])
    router.add_api_route("/chat/{conversation_id}", web.say, methods=["POST"], dependencies=_OURS)
    router.add_api_route("/", _home, methods=["GET"])
    router.add_api_route("/style.css", _style, methods=["GET"])
    needs = health.Needs({"gateway": health.of_service(client, url)}, health.ENTRY_S)
    app = assemble("web", environ, router, needs, [client.aclose])
    for kind in (TroubleError, SignedOutError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _wrong)
    app.add_middleware(
        SessionMiddleware,
        secret_key=environ.secret("SESSION_SECRET"),
        max_age=_SESSION_S,
        same_site="lax",
        https_only=not environ.is_test,
    )
    return app
