"""How a service is: what it needs is asked, all at once, each with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from fastapi.responses import JSONResponse

Check = Callable[[], Awaitable[None]]
"""Returns when what is needed answers, else raises."""

STORE_S = 1.5
SERVICE_S = 2.5
ENTRY_S = 3.5
"""Seconds for an answer: who asks is more patient than who is asked, so that he hears why."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a service needs, by name; each has `bound_s` to answer."""

    checks: Mapping[str, Check]
    bound_s: float = STORE_S


async def trouble(check: Check, bound_s: float) -> str:
    """Say what is wrong with something that is needed, in one line; empty when it answers."""
    try:
        async with asyncio.timeout(bound_s):
            await check()
    except TimeoutError:
        return f"no answer within {bound_s:g} s"
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it is the answer
        return next(iter(str(error).splitlines()), "") or type(error).__name__
    return ""


async def answer(service: str, needs: Needs) -> JSONResponse:
    """Return 200, or 503 when something that is needed does not answer; the body names it."""
    asked = (trouble(check, needs.bound_s) for check in needs.checks.values())
    found = dict(zip(needs.checks, await asyncio.gather(*asked), strict=True))
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
        response = await client.get(f"{url}/health")
        if response.status_code != HTTPStatus.OK:
            raise ConnectionError(f"answers {response.status_code}")

    return check
