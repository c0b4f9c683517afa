"""The log: JSON lines on stdout, each with the id of the request it belongs to.

The id is the caller's (`X-Request-Id`) or made here, is returned in every answer and handed on to
every service that is asked, so that one id joins what all of them said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
_LOG = logging.getLogger("app.requests")
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,128}")
_FIELDS = ("method", "path", "status", "ms")
_HEALTHY = 200
_FAILED = 500


def accepted_id(given: str | None) -> str:
    """Return the caller's id if it is one, else a new one. What is no id never gets into a log."""
    return given if given and _GIVEN.fullmatch(given) else uuid.uuid4().hex


class JsonLines(logging.Formatter):
    """One JSON object a record."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "service": self._service,
            "request_id": REQUEST_ID.get(),
            "message": record.getMessage(),
        }
        line |= {name: vars(record)[name] for name in _FIELDS if name in vars(record)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(service: str, level: str = "INFO") -> None:
    """Have all loggers of this process write JSON lines on stdout."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(service))
    handler.addFilter(is_worth_a_line)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in ("httpx", "httpcore", "uvicorn", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Leave out the traceback of what was cut off at the end: who cuts it off says so, too."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class RequestLog:
    """ASGI middleware: gives each request its id and a line in the log, and each error an answer.

    Streams pass through unheld; their line is written at their end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        mine = accepted_id(Headers(scope=scope).get(HEADER))
        token = REQUEST_ID.set(mine)
        began_s = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = mine
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            _LOG.exception("not handled")
            if status:
                raise  # too late for another answer: the connection breaks
            refusal = JSONResponse({"detail": "internal error"}, status_code=_FAILED)
            await refusal(scope, receive, sending)
        finally:
            # A probe that finds all well, every few seconds, is not worth a line.
            quiet = scope["path"] == "/health" and status == _HEALTHY
            ms = round((time.perf_counter() - began_s) * 1000, 1)
            line = {"method": scope["method"], "path": scope["path"], "status": status, "ms": ms}
            text = "%(method)s %(path)s: %(status)s"
            _LOG.log(logging.DEBUG if quiet else logging.INFO, text, line, extra=line)
            REQUEST_ID.reset(token)
