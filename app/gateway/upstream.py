"""Handing a request on to the service that answers it, and its answer back, streams as they come.

Of the client's headers only those named here go on: `X-User-Id` is never a client's own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from fastapi import HTTPException, Request, Response
from fastapi.responses import StreamingResponse

USER_HEADER: Final = "X-User-Id"
_LOG = logging.getLogger(__name__)
_ON = ("content-type", "accept", "authorization")
_BACK = ("content-type", "www-authenticate", "cache-control")
_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Upstream:
    """`urls`: name of a service to where it is."""

    client: httpx.AsyncClient
    urls: Mapping[str, str]

    async def ask(
        self, service: str, method: str, path: str, headers: Mapping[str, str], **rest: object
    ) -> httpx.Response:
        """Ask a service; its answer is not read yet. `HTTPException` 503 or 504 without one."""
        asked = self.client.build_request(
            method,
            self.urls[service] + path,
            headers=dict(headers),
            **rest,  # type: ignore[arg-type]  # httpx' own keywords
        )
        try:
            return await self.client.send(asked, stream=True)
        except httpx.TimeoutException:
            raise HTTPException(504, f"{service} took too long to answer") from None
        except httpx.TransportError as error:
            _LOG.warning("%s does not answer: %r", service, error)
            raise HTTPException(503, f"{service} does not answer") from None

    async def hand_on(
        self, request: Request, service: str, path: str, user_id: int | None = None
    ) -> Response:
        """Answer a request with what a service says to it."""
        headers = {name: request.headers[name] for name in _ON if name in request.headers}
        if user_id is not None:
            headers[USER_HEADER] = str(user_id)
            headers.pop("authorization", None)
        query = request.scope["query_string"].decode("ascii", "ignore")
        target = f"{path}?{query}" if query else path
        found = await self.ask(
            service, request.method, target, headers, content=await request.body()
        )
        back = {name: found.headers[name] for name in _BACK if name in found.headers}
        if found.headers.get("content-type", "").startswith(_STREAM):
            return StreamingResponse(_stream(found, service), found.status_code, back)
        return Response(await self.read(found, service), found.status_code, back)

    async def read(self, found: httpx.Response, service: str) -> bytes:
        """Read an answer to its end. `HTTPException` 502 when it breaks off."""
        try:
            return await found.aread()
        except httpx.TransportError:
            raise HTTPException(502, f"{service} broke off its answer") from None
        finally:
            await found.aclose()


async def _stream(found: httpx.Response, service: str) -> AsyncIterator[bytes]:
    """Yield what comes when it comes; an end that is none is told, the status is long sent."""
    try:
        async for chunk in found.aiter_raw():
            yield chunk
    except httpx.TransportError as error:
        _LOG.warning("%s broke off its stream: %r", service, error)
        detail = json.dumps({"detail": f"{service} broke off"})
        yield f"event: error\ndata: {detail}\n\n".encode()
    finally:
        await found.aclose()
