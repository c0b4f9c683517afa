"""Services asked without a network: requests go to the application itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from fastapi import FastAPI

from app import database
from app.auth import api as auth
from app.chat import api as chat
from app.kb import api as kb
from app.settings import Environ


class Mesh(httpx.AsyncBaseTransport):
    """The way from service to service: by the host of the URL."""

    def __init__(self, **apps: FastAPI) -> None:
        self._ways = {host: httpx.ASGITransport(app) for host, app in apps.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host not in self._ways:
            raise httpx.ConnectError("nobody is there")
        return await self._ways[request.url.host].handle_async_request(request)


@asynccontextmanager
async def asked(app: FastAPI, base_url: str = "http://service") -> AsyncIterator[httpx.AsyncClient]:
    """Start a service and return its client; afterwards all that it opened is closed."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=base_url
        ) as client,
    ):
        yield client


@cache
def _prepared() -> bytes:
    """Return a database file with the tables: to make them for each test would take 40 ms."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "platform.db")
        database.prepare(f"sqlite:///{file}")
        return file.read_bytes()


def environ(folder: Path, **values: str) -> Environ:
    """Return the environment of services that share an SQLite file and a folder of documents."""
    file = folder / "platform.db"
    file.write_bytes(_prepared())
    return Environ(
        {
            "ENVIRONMENT": "test",
            "DATABASE_URL": f"sqlite:///{file}",
            "REDIS_URL": "memory://",
            "KB_ROOT": str(folder / "documents"),
            "GATEWAY_URL": "http://gateway",
            "AUTH_SERVICE_URL": "http://auth",
            "CHAT_SERVICE_URL": "http://chat",
            "KB_SERVICE_URL": "http://kb",
            **values,
        }
    )


def behind_the_gateway(made: Environ) -> dict[str, FastAPI]:
    """Return the services that the gateway hands requests on to, by the host of their URL."""
    return {
        "auth": auth.application(made),
        "kb": kb.application(made),
        "chat": chat.application(made),
    }
