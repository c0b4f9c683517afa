"""The libraries that each kind of database URL needs. Imports none of them."""

from __future__ import annotations

from typing import Final

from walkaway.isolation.missing_library import need

_EXTRA: Final = "databases"
_DRIVERS: Final = {"postgres": ("psycopg",), "postgresql": ("psycopg",)}
_ASYNC_DRIVERS: Final = {"sqlite": ("aiosqlite",)}
"""Drivers beyond SQLAlchemy and greenlet. psycopg is both synchronous and asynchronous."""


def need_sync(fixture: str, url: str) -> None:
    """Fail in the name of ``fixture`` when a library for synchronous engines is missing."""
    need(fixture, _EXTRA, "sqlalchemy", *_DRIVERS.get(_kind(url), ()))


def need_async(fixture: str, url: str) -> None:
    """Fail when a library is missing that asynchronous engines need in addition."""
    need(fixture, _EXTRA, "greenlet", *_ASYNC_DRIVERS.get(_kind(url), ()))


def _kind(url: str) -> str:
    return url.partition(":")[0].partition("+")[0]
