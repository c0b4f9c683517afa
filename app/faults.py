"""Faults on request, so that tests meet a service that is slow, hangs, is fat or fails at times.

Off by default. A service that is asked for one outside a test environment refuses to start.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Environ, RefusedError

NAMES = ("FAULT_SLOW_READY_S", "FAULT_HANG_PATH", "FAULT_MEMORY_MB", "FAULT_FLAKY_RATE")
_UNAVAILABLE = 503
_MEGABYTE = 1024**2


@dataclass(frozen=True, slots=True)
class Faults:
    """`slow_ready_s`: not well before. `hang_path`: never answered. `flaky_rate`: share of 503."""

    slow_ready_s: float = 0.0
    hang_path: str = ""
    memory_mb: int = 0
    flaky_rate: float = 0.0

    @property
    def any(self) -> bool:
        return self != Faults()


def wanted(environ: Environ) -> Faults:
    """Return the faults that the environment asks for; `RefusedError` where it is no test's."""
    given = [name for name in NAMES if environ.values.get(name)]
    if given and not environ.is_test:
        raise RefusedError(
            f"{', '.join(given)}: faults are for ENVIRONMENT=test, this is {environ.environment!r}."
        )
    rate = environ.number("FAULT_FLAKY_RATE", 0.0)
    if rate > 1:
        raise RefusedError(f"FAULT_FLAKY_RATE is {rate:g}: a share from 0 to 1 is needed.")
    return Faults(
        slow_ready_s=environ.number("FAULT_SLOW_READY_S", 0.0),
        hang_path=environ.values.get("FAULT_HANG_PATH", ""),
        memory_mb=int(environ.number("FAULT_MEMORY_MB", 0)),
        flaky_rate=rate,
    )


def fails(rate: float, count: int) -> bool:
    """Whether the request number `count`, from 1, fails: of n requests, floor(n * rate) do."""
    return int(count * rate) > int((count - 1) * rate)


class Faulty:
    """ASGI middleware that does what `faults` say."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults
        self._ready_s = time.monotonic() + faults.slow_ready_s
        self._count = 0
        # Written to, or the kernel would give no memory for it.
        self._ballast = bytearray(b"\x01") * (faults.memory_mb * _MEGABYTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        trouble = await self._trouble(scope["path"]) if scope["type"] == "http" else ""
        if trouble:
            answer = JSONResponse({"detail": trouble}, status_code=_UNAVAILABLE)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _trouble(self, path: str) -> str:
        if path == self._faults.hang_path:
            await asyncio.Event().wait()
        if path == "/health":
            return "FAULT_SLOW_READY_S" if time.monotonic() < self._ready_s else ""
        self._count += 1
        return "FAULT_FLAKY_RATE" if fails(self._faults.flaky_rate, self._count) else ""
