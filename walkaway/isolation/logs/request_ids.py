"""Ids for the requests of tests: `KEY.N`, by which what the services said of them is found.

    httpx.Client(event_hooks={"request": [requests.stamp]})
    httpx.AsyncClient(event_hooks={"request": [requests.stamp_async]})
    page.set_extra_http_headers(requests.headers())

Knows no HTTP library. Every request gets one of its own, unless it has one.
"""

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Protocol

from walkaway.isolation.logs.current_test import Current
from walkaway.model.test_key import HEADER

request_id: ContextVar[str] = ContextVar("walkaway_request_id", default="")
"""The id of this context's last request: what is logged after it carries it."""

_at_work: list[Current] = []
"""The innermost last: a pytest inside a test has its own."""


class Request(Protocol):
    """What is asked of a request: httpx's have it, and others'."""

    @property
    def headers(self) -> MutableMapping[str, str]: ...


def new_id() -> str:
    """Return a fresh id of the test at work; outside of any pytest of ours a plain one."""
    found = _at_work[-1].next_id() if _at_work else "wk-nobody-0.0"
    request_id.set(found)
    return found


def headers() -> dict[str, str]:
    """Return the header for one request, or for all that a browser page will send."""
    return {HEADER: new_id()}


def stamp(request: Request) -> None:
    """Give a request its id: a hook for `httpx.Client`."""
    if HEADER not in request.headers:
        request.headers[HEADER] = new_id()
    else:
        request_id.set(request.headers[HEADER])


async def stamp_async(request: Request) -> None:
    """Give a request its id: a hook for `httpx.AsyncClient`."""
    stamp(request)


def enter(current: Current) -> None:
    """Have ids be those of this pytest's tests."""
    _at_work.append(current)


def leave(current: Current) -> None:
    """End that."""
    with contextlib.suppress(ValueError):
        _at_work.remove(current)


def forget() -> None:
    """Begin a test: what it logs before its first request belongs to none."""
    if request_id.get():
        request_id.set("")
