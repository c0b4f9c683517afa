"""What every service is made of: request ids and log, faults, /health, errors as JSON, its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from app import faults, health, journal
from app.bodies import BodyLimit
from app.settings import Environ

Close = Callable[[], Awaitable[object]]


def assemble(
    name: str,
    environ: Environ,
    router: APIRouter,
    needs: health.Needs,
    close: Sequence[Close] = (),
) -> FastAPI:
    """Make a service of its routes. `needs` are asked by /health, `close` at the end."""
    wanted = faults.wanted(environ)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        for closing in close:
            await closing()

    app = FastAPI(
        title=name,
        lifespan=lifespan,
        routes=router.routes,  # as they are; included they would be made a second time
        openapi_url=None,  # its pages fetch scripts from elsewhere
        exception_handlers={RequestValidationError: _not_valid},
    )

    @app.get("/health")
    async def how_it_is() -> JSONResponse:
        return await health.answer(name, needs)

    app.add_middleware(BodyLimit)
    if wanted.any:
        app.add_middleware(faults.Faulty, faults=wanted)
    app.add_middleware(journal.RequestLog)
    return app


async def _not_valid(_request: Request, error: Exception) -> JSONResponse:
    """Return 422 without what was sent: FastAPI's own would repeat a password."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    detail = [{"loc": found["loc"], "msg": found["msg"]} for found in error.errors()]
    return JSONResponse({"detail": detail}, status_code=422)
