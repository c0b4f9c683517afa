"""Ids for a test's requests, `KEY.N`, to find what the services logged about them.

    httpx.Client(event_hooks={"request": [requests.stamp]})
    httpx.AsyncClient(event_hooks={"request": [requests.stamp_async]})
    page.set_extra_http_headers(requests.headers())

Must not know any HTTP library. Every request gets its own id, unless it has one already.
"""

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Protocol

from walkaway.isolation.logs.current_test import Current
from walkaway.model.test_key import HEADER

request_id: ContextVar[str] = ContextVar("walkaway_request_id", default="")
"""Id of this context's last request. Records logged after it carry it."""

_at_work: list[Current] = []
"""The running tests, innermost last: a pytest inside a test has its own."""


class Request(Protocol):
    """A request with headers, such as httpx's."""

    @property
    def headers(self) -> MutableMapping[str, str]: ...


def new_id() -> str:
    """Return a new id for the running test, or `wk-nobody-0.0` when no test of ours runs."""
    found = _at_work[-1].next_id() if _at_work else "wk-nobody-0.0"
    request_id.set(found)
    return found


def headers() -> dict[str, str]:
    """Return the header for one request, or for all requests that a browser page will send."""
    return {HEADER: new_id()}


def stamp(request: Request) -> None:
    """Set a request's id: a hook for `httpx.Client`."""
    if HEADER not in request.headers:
        request.headers[HEADER] = new_id()
    else:
        request_id.set(request.headers[HEADER])


async def stamp_async(request: Request) -> None:
    """Set a request's id: a hook for `httpx.AsyncClient`."""
    stamp(request)


def enter(current: Current) -> None:
    """Make ids from this pytest's tests."""
    _at_work.append(current)


def leave(current: Current) -> None:
    """Stop making ids from this pytest's tests."""
    with contextlib.suppress(ValueError):
        _at_work.remove(current)


def forget() -> None:
    """Clear the id when a test starts: what it logs before its first request belongs to none."""
    if request_id.get():
        request_id.set("")
