"""How much anybody may send at once: counted while it comes, whatever its headers say."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT_BYTES = 1024**2


class BodyLimit:
    """ASGI middleware: reading on beyond the limit is 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def receiving() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LIMIT_BYTES:
                raise HTTPException(413, f"more than {LIMIT_BYTES} bytes")
            return message

        await self._app(scope, receiving, send)
