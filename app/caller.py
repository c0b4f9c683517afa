"""Asking another service: one client, with bounds, and with the id of the request that asks."""

from __future__ import annotations

import httpx

from app.journal import HEADER, REQUEST_ID

CONNECT_S = 2.0
KEPT_S = 2.0
"""How long an idle connection is kept: less than a server keeps it, or calls meet closed ones."""


async def _with_request_id(request: httpx.Request) -> None:
    if REQUEST_ID.get():
        request.headers[HEADER] = REQUEST_ID.get()


def client(
    timeout_s: float, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Make a client. Proxies of the environment are not for calls between our own services."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
        limits=httpx.Limits(max_connections=100, keepalive_expiry=KEPT_S),
        transport=transport,
        trust_env=False,
        event_hooks={"request": [_with_request_id]},
    )
