"""How a service is: what it needs is asked, all at once, each with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import httpx
from fastapi.responses import JSONResponse

Check = Callable[[], Awaitable[None]]
"""Returns when what is needed answers, else raises."""

BOUND_S = 2.0


async def trouble(check: Check) -> str:
    """Say what is wrong with something that is needed, in one line; empty when it answers."""
    try:
        async with asyncio.timeout(BOUND_S):
            await check()
    except TimeoutError:
        return f"no answer within {BOUND_S:g} s"
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it is the answer
        return next(iter(str(error).splitlines()), "") or type(error).__name__
    return ""


async def answer(service: str, needs: Mapping[str, Check]) -> JSONResponse:
    """Return 200, or 503 when something that is needed does not answer; the body names it."""
    found = dict(zip(needs, await asyncio.gather(*map(trouble, needs.values())), strict=True))
    healthy = not any(found.values())
    body = {
        "service": service,
        "healthy": healthy,
        "needs": {k: v or "ok" for k, v in found.items()},
    }
    return JSONResponse(body, HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE)


def of_service(client: httpx.AsyncClient, url: str) -> Check:
    """Return the check of another service, by its own /health."""

    async def check() -> None:
        response = await client.get(f"{url}/health", timeout=BOUND_S)
        if response.status_code != HTTPStatus.OK:
            raise ConnectionError(f"answers {response.status_code}")

    return check
